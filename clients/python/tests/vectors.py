"""Checks the signer and the verifier of the package against the vectors: each file gives what disagrees."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf import any_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from strict import Malformed, canonical
from verdict import DEMO_TOOLS, SYSTEM_TOOLS, Refused, Server, judge_arguments
from violations import violations_of

from sealwire import signing
from sealwire.definitions import definition_digest
from sealwire.signing import Expected, Unverified, mac, pae, read_frame, read_key, write_frame
from sealwire.system.v1 import ToolDescription
from sealwire.v1.envelope_pb2 import Envelope

Vector = dict[str, Any]
# Number of the vector, and what of it the client got wrong.
Outcome = tuple[int, list[str]]
WELL_KNOWN = (any_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)


def wrong(**checks: bool) -> list[str]:
    return [name for name, holds in checks.items() if not holds]


def keys(file: Vector) -> Iterator[Outcome]:
    yield from enumerate(map(wrong_key_row, file["pae"] + file["derivations"] + file["keyTexts"]), 1)


def wrong_key_row(row: Vector) -> list[str]:
    if "parts" in row:
        return wrong(pae=pae(*map(bytes.fromhex, row["parts"])).hex() == row["bytes"])
    if "text" in row:
        return wrong(key_text=key_text(row["text"], row["use"]) == row["key"])
    secret = bytes.fromhex(row["serverSecret"])
    names = (row["clientId"].encode(), row["keyId"].encode())
    return wrong(
        fingerprint=mac(secret, b"fingerprint").hex()[:32] == row["fingerprint"],
        request_key=mac(secret, b"request-key", *names).hex() == row["requestKey"],
        response_key=mac(secret, b"response-key", *names).hex() == row["responseKey"],
        request_key_text=key_text(row["requestKeyText"], "request") == row["requestKey"],
        response_key_text=key_text(row["responseKeyText"], "response") == row["responseKey"],
    )


def key_text(text: str, use: str) -> str | None:
    try:
        return read_key(text, {"request": "sws_", "response": "swr_"}[use]).hex()
    except ValueError:
        return None


def requests(file: Vector) -> Iterator[Outcome]:
    clock = file["clock"]
    bounds = (int(clock["maxAgeMs"]), int(clock["maxAheadMs"]))
    server = Server(file["serverId"], file["keys"], int(clock["nowMs"]), *bounds)
    for case in file["cases"]:
        yield case["id"], wrong(**signer_facts(case, file["keys"]), verdict=judged(server, case))


def sequences(file: Vector) -> Iterator[Outcome]:
    bounds = (int(file["maxAgeMs"]), int(file["maxAheadMs"]))
    for case in file["cases"]:
        nonces: set[tuple[str, bytes]] = set()
        mistakes: list[str] = []
        for index, step in enumerate(case["steps"], 1):
            server = Server(file["serverId"], step["keys"], int(step["nowMs"]), *bounds, nonces)
            facts = wrong(**signer_facts(step, step["keys"]), verdict=judged(server, step))
            mistakes.extend(f"{index}: {name}" for name in facts)
        yield case["id"], mistakes


def arguments(file: Vector) -> Iterator[Outcome]:
    for case in file["cases"]:
        type_url, value = case["args"]["typeUrl"], joined(case["args"]["value"])
        told = sorted((each["field"], each["ruleId"]) for each in case["violations"])
        yield (
            case["id"],
            wrong(
                verdict=judge_arguments(file["tools"], case["method"], case["tool"], type_url, value) == case["result"],
                violations=case["flag"] not in ("Valid", "Rule") or violations_of(parsed(case["tool"], value)) == told,
            ),
        )


def parsed(tool: str, args: bytes) -> Message:
    return GetMessageClass((SYSTEM_TOOLS | DEMO_TOOLS)[tool]).FromString(args)


def judged(server: Server, case: Vector) -> bool:
    """Whether the server says of a request what the vector says."""
    received = case["received"]
    try:
        said: tuple[str, str | None] = (
            "valid",
            server.judge(received["method"], bytes.fromhex(received["frame"])).hex(),
        )
    except Refused as refused:
        said = (str(refused), None)
    return said == (case["result"], case["envelope"])


def signer_facts(case: Vector, keys_of_server: list[Vector]) -> dict[str, bool]:
    signed = case["signed"]
    envelope = bytes.fromhex(signed["envelope"])
    request_keys = {key["keyId"]: key["requestKey"] for key in keys_of_server}
    key = bytes.fromhex(request_keys.get(signed["key"], signed["key"]))
    signature = signing.sign(key, signed["keyId"], signed["method"], envelope)
    signing_input = pae(b"request", signed["method"].encode(), signed["keyId"].encode(), envelope)
    as_protocol_says = case.get("flag") != "SigningInput"
    return {
        "fields": signed["fields"] is None or encode(signed["fields"]) == envelope,
        "signing_input": (signing_input.hex() == signed["signingInput"]) is as_protocol_says,
        "signature": (signature.hex() == signed["signature"]) is as_protocol_says,
        "hmac": hmac_of(key.hex(), signed["signingInput"]) == signed["signature"],
        "frame": case.get("flag") != "Valid"
        or read_frame(write_frame(envelope, signed["keyId"], signature))
        == read_frame(bytes.fromhex(case["received"]["frame"])),
    }


def sizes(file: Vector) -> Iterator[Outcome]:
    for index, row in enumerate(file["macs"], 1):
        digest = signing.MacKey(joined(row["key"])).digest(joined(row["input"]))
        yield -index, wrong(mac=digest.hex() == row["mac"])
    for case in file["cases"]:
        key, parts = bytes.fromhex(case["key"]), [joined(part) for part in case["parts"]]
        content, key_id, received = read_frame(joined(case["frame"]))
        if case["flag"] == "Request":
            signature = signing.sign(key, key_id.decode(), parts[1].decode(), content)
        else:
            signature = mac(key, *parts[:2], content)
        made = write_frame(parts[-1], case["keyId"], bytes.fromhex(case["signature"]))
        yield (
            case["id"],
            wrong(
                signing_input=pae(*parts) == joined(case["signingInput"]),
                signature=mac(key, *parts).hex() == case["signature"],
                verdict=(signature == received) is (case["result"] == "valid"),
                frame=(made == joined(case["frame"])) is (case["result"] == "valid"),
            ),
        )


def joined(runs: str | list[str | Vector]) -> bytes:
    """Bytes written as hex, or as a list of hex and of runs of the same bytes."""
    if isinstance(runs, str):
        return bytes.fromhex(runs)
    return b"".join(
        bytes.fromhex(run) if isinstance(run, str) else bytes.fromhex(run["byte"]) * run["times"] for run in runs
    )


def responses(file: Vector) -> Iterator[Outcome]:
    request, key = file["request"], file["key"]
    expected = Expected(
        server_id=request["serverId"],
        key_id=key["keyId"],
        response_key=bytes.fromhex(key["responseKey"]),
        request_signature=bytes.fromhex(request["signature"]),
        request_id=request["requestId"],
    )
    for case in file["cases"]:
        signed = case["signed"]
        request_signature, response = bytes.fromhex(signed["requestSignature"]), bytes.fromhex(signed["response"])
        signing_input = pae(b"response", request_signature, response)
        try:
            signing.verify(expected, bytes.fromhex(case["received"]["frame"]), int(case["sequence"]))
            verdict = "valid"
        except Unverified:
            verdict = "RESPONSE_UNVERIFIED"
        yield (
            case["id"],
            wrong(
                signing_input=(signing_input.hex() == signed["signingInput"]) is (case["flag"] != "SigningInput"),
                hmac=hmac_of(signed["key"], signed["signingInput"]) == signed["signature"],
                verdict=verdict == case["result"] or case.get("lenient", False),
            ),
        )


def canonical_forms(file: Vector) -> Iterator[Outcome]:
    pool = DescriptorPool()
    for module in WELL_KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    for each in FileDescriptorSet.FromString(bytes.fromhex(file["descriptorSet"])).file:
        pool.Add(each)
    for case in file["cases"]:
        kind, data = pool.FindMessageTypeByName(case["type"]), bytes.fromhex(case["bytes"])
        form, second = canonical_or_none(data, kind), canonical_or_none(data, kind, unambiguous=True)
        yield (
            case["id"],
            wrong(
                canonical=form == case["canonical"],
                unambiguous=second == (case["canonical"] if case["unambiguous"] else None),
                intent_digest=form is None or intent_digest("sample", bytes.fromhex(form)) == case["intentDigest"],
            ),
        )


def definitions(file: Vector) -> Iterator[Outcome]:
    imports = bytes.fromhex(file["imports"])
    digests: dict[str, str] = {}
    for case in file["cases"]:
        tool = ToolDescription(name=case["parts"]["name"], method=case["method"])
        digest = definition_digest(tool, imports + bytes.fromhex(case["descriptorSet"]))
        flag = "Same" if case["flag"] == "Same" else case["id"]
        yield case["id"], wrong(digest=digest == case["digest"], flag=digests.setdefault(digest, flag) == flag)


def canonical_or_none(data: bytes, kind: Descriptor, unambiguous: bool = False) -> str | None:
    try:
        return canonical(data, kind, unambiguous).hex()
    except Malformed:
        return None


def intent_digest(tool: str, args: bytes) -> str:
    return hashlib.sha256(pae(b"intent", tool.encode(), args)).hexdigest()


def hmac_of(key: str, data: str) -> str:
    return hmac.digest(bytes.fromhex(key), bytes.fromhex(data), "sha256").hex()


def encode(fields: Vector) -> bytes:
    args = fields["args"]
    return Envelope(
        v=fields["v"],
        request_id=fields["requestId"],
        ts_ms=int(fields["tsMs"]),
        client_id=fields["clientId"],
        server_id=fields["serverId"],
        tool=fields["tool"],
        args=None if args is None else any_pb2.Any(type_url=args["typeUrl"], value=bytes.fromhex(args["value"])),
        nonce=bytes.fromhex(fields["nonce"]),
        definition_digest=fields.get("definitionDigest", ""),
    ).SerializeToString()


FILES: dict[str, Callable[[Vector], Iterator[Outcome]]] = {
    "keys": keys,
    "requests": requests,
    "sequences": sequences,
    "sizes": sizes,
    "responses": responses,
    "arguments": arguments,
    "canonical": canonical_forms,
    "definitions": definitions,
}


def disagreements(folder: Path, name: str) -> tuple[int, dict[int, list[str]]]:
    """How many cases a file has, and what is wrong with which."""
    checked = list(FILES[name](json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))))
    return len(checked), {number: mistakes for number, mistakes in checked if mistakes}
