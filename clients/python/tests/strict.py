"""Reads messages as strictly as a server does and writes them in canonical form (docs/protocol-server.md, Canonical
form)."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
DEEPEST = 100
MOST_ELEMENTS = 100_000
MOST_PACKED_VARINTS = 262_144
FIXED = {
    FieldDescriptor.TYPE_DOUBLE: FIXED64,
    FieldDescriptor.TYPE_FIXED64: FIXED64,
    FieldDescriptor.TYPE_SFIXED64: FIXED64,
    FieldDescriptor.TYPE_FLOAT: FIXED32,
    FieldDescriptor.TYPE_FIXED32: FIXED32,
    FieldDescriptor.TYPE_SFIXED32: FIXED32,
}
# Bits and sign of the types that are varints.
VARINTS = {
    FieldDescriptor.TYPE_INT32: (32, True),
    FieldDescriptor.TYPE_ENUM: (32, True),
    FieldDescriptor.TYPE_UINT32: (32, False),
    FieldDescriptor.TYPE_SINT32: (32, False),
    FieldDescriptor.TYPE_INT64: (64, True),
    FieldDescriptor.TYPE_UINT64: (64, False),
    FieldDescriptor.TYPE_SINT64: (64, False),
    FieldDescriptor.TYPE_BOOL: (1, False),
}


class Malformed(Exception):
    """These bytes are not a strict encoding of the message."""


@dataclass
class Reader:
    """Reads wire values one after the other."""

    data: bytes
    shortest: bool = False
    at: int = field(default=0, init=False)

    def varint(self) -> int:
        value = 0
        for index in range(10):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                if value >= 1 << 64 or (self.shortest and index > 0 and byte == 0):
                    raise Malformed("a varint that is too large or not the shortest")
                return value
        raise Malformed("a varint of more than ten bytes")

    def take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) < length:
            raise Malformed("cut off")
        self.at += length
        return taken

    def value(self, wire_type: int) -> int | bytes:
        match wire_type:
            case 0:
                return self.varint()
            case 1:
                return self.take(8)
            case 2:
                return self.take(self.varint())
            case 5:
                return self.take(4)
        raise Malformed(f"wire type {wire_type}")

    def fields(self) -> Iterator[tuple[int, int, int | bytes]]:
        while self.at < len(self.data):
            tag = self.varint()
            yield tag >> 3, tag & 7, self.value(tag & 7)


@dataclass
class Parse:
    """How strict one message is read, and how much of it has been counted, at all depths together."""

    unambiguous: bool = False
    json_numbers: bool = False
    elements: int = field(default=0, init=False)
    packed_varints: int = field(default=0, init=False)

    def count_element(self) -> None:
        """A message, an entry of a map, or a value of a list that is not packed."""
        self.elements += 1
        if self.elements > MOST_ELEMENTS:
            raise Malformed("too many elements")

    def count_packed_varint(self) -> None:
        self.packed_varints += 1
        if self.packed_varints > MOST_PACKED_VARINTS:
            raise Malformed("too many packed varints")


def canonical(data: bytes, kind: Descriptor, unambiguous: bool = False, json_numbers: bool = False) -> bytes:
    """
    Returns the canonical form, or raises Malformed; `unambiguous` is how a server parses for its second try,
    `json_numbers` how it parses arguments.
    """
    return message(data, kind, Parse(unambiguous, json_numbers), 1)


def message(data: bytes, kind: Descriptor, parse: Parse, depth: int) -> bytes:
    parse.count_element()
    if depth > DEEPEST:
        raise Malformed("nested too deep")
    values: dict[int, list[bytes]] = {}
    oneofs: set[str] = set()
    for number, wire_type, value in Reader(data, parse.unambiguous).fields():
        described = kind.fields_by_number.get(number)
        if described is None:
            raise Malformed(f"unknown field {number}")
        if number in values and not described.is_repeated:
            raise Malformed(f"{described.name} twice")
        if described.containing_oneof is not None and number not in values:
            if described.containing_oneof.name in oneofs:
                raise Malformed(f"{described.containing_oneof.name} twice")
            oneofs.add(described.containing_oneof.name)
        values.setdefault(number, []).extend(elements(described, wire_type, value, parse, depth))
    return b"".join(written(kind.fields_by_number[number], values[number], parse) for number in sorted(values))


def elements(
    described: FieldDescriptor, wire_type: int, value: int | bytes, parse: Parse, depth: int
) -> Iterator[bytes]:
    """The canonical encodings of one field's values, without tags; of a packed list's as many as it has."""
    own = wire_type_of(described)
    if isinstance(value, bytes) and wire_type == LENGTH_DELIMITED != own and described.is_repeated:
        reader = Reader(value, parse.unambiguous)
        while reader.at < len(value):
            if own == VARINT:
                parse.count_packed_varint()
            yield element(described, reader.value(own), parse, depth)
    elif wire_type == own:
        if described.is_repeated and described.type != FieldDescriptor.TYPE_MESSAGE:
            parse.count_element()
        yield element(described, value, parse, depth)
    else:
        raise Malformed(f"{described.name} with wire type {wire_type}")


def element(described: FieldDescriptor, value: int | bytes, parse: Parse, depth: int) -> bytes:
    if isinstance(value, int):
        return varint(whole_number(described, value, parse.unambiguous))
    if described.type == FieldDescriptor.TYPE_MESSAGE:
        nested = name_of(described.containing_type) != "sealwire.v1.Envelope"
        if parse.unambiguous and nested and type_of(described).full_name == "google.protobuf.Any":
            raise Malformed(f"{described.name} holds a message of any type")
        inner = message(value, type_of(described), parse, depth + 1)
        return entry(type_of(described), inner) if is_map(described) else inner
    if described.type == FieldDescriptor.TYPE_STRING:
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise Malformed(f"{described.name} is not UTF-8") from error
    if parse.json_numbers and is_json_number(described) and not math.isfinite(struct.unpack("<d", value)[0]):
        raise Malformed(f"{described.name} is a number that JSON cannot hold")
    return value


def is_json_number(described: FieldDescriptor) -> bool:
    of_value = name_of(described.containing_type) == "google.protobuf.Value"
    return of_value and described.type == FieldDescriptor.TYPE_DOUBLE


def whole_number(described: FieldDescriptor, value: int, unambiguous: bool) -> int:
    """What stands for a value on the wire, cut to its type; `unambiguous` cuts nothing."""
    bits, signed = VARINTS[described.type]
    if described.type == FieldDescriptor.TYPE_BOOL:
        cut = int(value != 0)
    else:
        cut = value % (1 << bits)
        if signed and cut >> (bits - 1):
            cut += (1 << 64) - (1 << bits)
    if unambiguous and cut != value:
        raise Malformed(f"{described.name} is beyond its type")
    kind = described.enum_type
    if kind is not None and kind.is_closed and cut not in kind.values_by_number:
        raise Malformed(f"{described.name} has no such value")
    return cut


def written(described: FieldDescriptor, values: list[bytes], parse: Parse) -> bytes:
    """One field with its tags."""
    own = wire_type_of(described)
    if is_map(described):
        by_key = {sort_key(type_of(described), each): each for each in values}
        if parse.unambiguous and len(by_key) < len(values):
            raise Malformed(f"a key of {described.name} twice")
        values = [by_key[key] for key in sorted(by_key)]
    elif described.is_packed:
        own, values = LENGTH_DELIMITED, [b"".join(values)] if values else []
    elif not described.is_repeated and not described.has_presence:
        values = [each for each in values if (each if own == LENGTH_DELIMITED else any(each))]
    tag = varint(described.number << 3 | own)
    return b"".join(tag + (varint(len(each)) + each if own == LENGTH_DELIMITED else each) for each in values)


def entry(kind: Descriptor, inner: bytes) -> bytes:
    """A map's entry with key and value both written, from its canonical form, which leaves defaults out."""
    given = {number: value for number, _, value in Reader(inner).fields()}
    return b"".join(part(kind.fields_by_number[number], given.get(number)) for number in (1, 2))


def part(described: FieldDescriptor, value: int | bytes | None) -> bytes:
    own = wire_type_of(described)
    tag = varint(described.number << 3 | own)
    if own == VARINT:
        return tag + varint(int(value or 0))
    if own == LENGTH_DELIMITED:
        content = bytes(value or b"")
        return tag + varint(len(content)) + content
    return tag + bytes(value or bytes(8 if own == FIXED64 else 4))


def sort_key(kind: Descriptor, whole_entry: bytes) -> int | bytes:
    """Text by its UTF-8 bytes, numbers by value."""
    key = next(Reader(whole_entry).fields())[2]
    described = kind.fields_by_number[1]
    if described.type in (FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64):
        return (int(key) >> 1) ^ -(int(key) & 1)
    if described.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64):
        return int(key) - (1 << 64) if int(key) >> 63 else int(key)
    if described.type in FIXED and isinstance(key, bytes):
        signed = described.type in (FieldDescriptor.TYPE_SFIXED32, FieldDescriptor.TYPE_SFIXED64)
        return int.from_bytes(key, "little", signed=signed)
    return key


def wire_type_of(described: FieldDescriptor) -> int:
    return FIXED.get(described.type, VARINT if described.type in VARINTS else LENGTH_DELIMITED)


def type_of(described: FieldDescriptor) -> Descriptor:
    assert described.message_type is not None
    return described.message_type


def name_of(kind: Descriptor | None) -> str:
    return "" if kind is None else kind.full_name


def is_map(described: FieldDescriptor) -> bool:
    return described.type == FieldDescriptor.TYPE_MESSAGE and type_of(described).GetOptions().map_entry


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
