"""Random requests of the tool `echo`. The same seed gives the same messages."""

import random
from collections.abc import Iterator

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value
from interop.v1.echo_pb2 import EchoRequest, EchoResponse

DEEPEST = 5
WORDS = [
    "",
    "a",
    "__proto__",
    "constructor",
    "é",
    "e\u0301",
    "😈",
    "\U00010000",
    "\uffff",
    "\0",
    "\t\r\n",
    "0",
    "ﬁ",
    "ß",
    "𝄞é",
]
NUMBERS = [0.0, -0.0, 1.0, -1.5, 5e-324, 1.7976931348623157e308, 2.0**53 + 1, 0.1, 1e21]


def random_requests(count: int, seed: int) -> Iterator[EchoRequest]:
    source = random.Random(seed)
    return (random_request(source) for _ in range(count))


def canonical(message: EchoRequest | EchoResponse) -> bytes:
    """Both types have the same fields; in bytes, NaN equals itself and -0 is not 0."""
    content: bytes = message.SerializeToString(deterministic=True)
    return content


def random_request(source: random.Random) -> EchoRequest:
    return EchoRequest(
        payload=random_struct(source, 0),
        text=random_text(source),
        number=source.choice([0, -1, 2**63 - 1, -(2**63), source.getrandbits(40)]),
        ratio=source.choice([*NUMBERS, float("nan"), float("inf")]),
        data=source.randbytes(source.randrange(64)),
        deltas=[source.randrange(-(2**31), 2**31) for _ in range(source.randrange(5))],
        names={source.randrange(-(2**63), 2**63): random_text(source) for _ in range(source.randrange(8))},
    )


def random_struct(source: random.Random, depth: int) -> Struct:
    size = source.choice([0, 1, 3, 10, 40]) if depth == 0 else source.randrange(4)
    return Struct(fields={random_text(source): random_value(source, depth + 1) for _ in range(size)})


def random_value(source: random.Random, depth: int) -> Value:
    match source.randrange(4 if depth >= DEEPEST else 6):
        case 0:
            return Value(null_value=NullValue.NULL_VALUE)
        case 1:
            return Value(bool_value=source.random() < 0.5)
        case 2:
            return Value(number_value=source.choice([*NUMBERS, source.uniform(-1e9, 1e9)]))
        case 3:
            return Value(string_value=random_text(source))
        case 4:
            values = [random_value(source, depth + 1) for _ in range(source.randrange(4))]
            return Value(list_value=ListValue(values=values))
        case _:
            return Value(struct_value=random_struct(source, depth))


def random_text(source: random.Random) -> str:
    return "".join(
        source.choice([*WORDS, chr(source.randrange(0x20, 0xD800)), chr(source.randrange(0x10000, 0x110000))])
        for _ in range(source.randrange(1, 5))
    )
