"""Judges requests as a server does (docs/protocol-server.md, Verification order), without a line of Sealwire's
server."""

import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from strict import LENGTH_DELIMITED, Malformed, Reader, canonical
from violations import violations_of

from sealwire.demo.v1 import demo_tool_service_pb2
from sealwire.signing import TYPE_URL, mac
from sealwire.system.v1 import system_tool_service_pb2
from sealwire.v1.envelope_pb2 import Envelope

MAX_SECOND_TRY = 64 * 1024
NAME = re.compile(r"[!-~]{1,128}")
DIGEST = re.compile(r"([0-9a-f]{64})?")
TOOL = re.compile(r"[a-z][a-z0-9_]{0,127}")


class Refused(Exception):
    """Its text is the reason."""


@dataclass
class Server:
    """What a server goes by, and the nonces that it has seen."""

    server_id: str
    keys: list[dict[str, str]]
    now_ms: int
    max_age_ms: int
    max_ahead_ms: int
    nonces: set[tuple[str, bytes]] | None = None

    def judge(self, method: str, received: bytes) -> bytes:
        """Returns the Envelope that counts from then on, or raises Refused. Nonces count if there is a set of them."""
        key, content = self.authenticate(method, received)
        envelope = read_envelope(content)
        if envelope.client_id != key["clientId"]:
            raise Refused("CLIENT_MISMATCH")
        if envelope.server_id != self.server_id:
            raise Refused("AUDIENCE_MISMATCH")
        if envelope.ts_ms < self.now_ms - self.max_age_ms:
            raise Refused("CLOCK_SKEW")
        if self.nonces is not None:
            nonce = (envelope.client_id, envelope.nonce)
            if nonce in self.nonces:
                raise Refused("REPLAYED")
            self.nonces.add(nonce)
        if envelope.ts_ms > self.now_ms + self.max_ahead_ms:
            raise Refused("CLOCK_SKEW")
        return content

    def authenticate(self, method: str, received: bytes) -> tuple[dict[str, str], bytes]:
        try:
            content, key_id, signature = read_frame(received)
        except Malformed as error:
            raise Refused("SIGNATURE_INVALID") from error
        key = next((each for each in self.keys if each["keyId"] == key_id), None)
        if key is None or not self.works(key):
            raise Refused("SIGNATURE_INVALID")
        for is_relayed in (False, True):
            form = relayed(received, content) if is_relayed else content
            expected = mac(bytes.fromhex(key["requestKey"]), b"request", method.encode(), key_id.encode(), form)
            if hmac.compare_digest(signature, expected):
                return key, form
        raise Refused("SIGNATURE_INVALID")

    def works(self, key: dict[str, str]) -> bool:
        not_before, not_after = int(key.get("notBeforeMs", 0)), int(key.get("notAfterMs", self.now_ms + 1))
        return key["state"] != "revoked" and not_before <= self.now_ms < not_after


def read_frame(received: bytes) -> tuple[bytes, str, bytes]:
    """Each of the three fields exactly once, in any order, and nothing else."""
    found: dict[int, bytes] = {}
    for number, _, value in Reader(received, shortest=True).fields():
        if number not in (1, 2, 3) or number in found or not isinstance(value, bytes):
            raise Malformed("a field too many")
        found[number] = value
    if len(found) < 3:
        raise Malformed("a field too few")
    key_id = found[2].decode("ascii", errors="replace")
    if not NAME.fullmatch(key_id):
        raise Malformed("not a key id")
    return found[1], key_id, found[3]


def relayed(received: bytes, content: bytes) -> bytes:
    """The Envelope in canonical form, with its args in canonical form, too."""
    if len(received) > MAX_SECOND_TRY:
        raise Refused("SIGNATURE_INVALID")
    try:
        envelope = Envelope.FromString(canonical(content, Envelope.DESCRIPTOR, unambiguous=True))
        name = envelope.args.type_url.removeprefix(TYPE_URL)
        if TYPE_URL + name != envelope.args.type_url:
            raise Malformed("another host")
        kind = descriptor_pool.Default().FindMessageTypeByName(name)
        envelope.args.value = canonical(envelope.args.value, kind, unambiguous=True)
    except (Malformed, KeyError) as error:
        raise Refused("SIGNATURE_INVALID") from error
    return canonical(envelope.SerializeToString(), Envelope.DESCRIPTOR)


def read_envelope(content: bytes) -> Envelope:
    try:
        envelope = Envelope.FromString(canonical(content, Envelope.DESCRIPTOR))
    except Malformed as error:
        raise Refused("UNSUPPORTED_VERSION" if is_of_another_version(content) else "ENVELOPE_INVALID") from error
    if envelope.v != "mcp/0.1":
        raise Refused("UNSUPPORTED_VERSION")
    names = (envelope.request_id, envelope.client_id, envelope.server_id)
    if not (
        all(NAME.fullmatch(name) for name in names)
        and TOOL.fullmatch(envelope.tool)
        and envelope.ts_ms > 0
        and envelope.HasField("args")
        and 16 <= len(envelope.nonce) <= 64
        and DIGEST.fullmatch(envelope.definition_digest)
    ):
        raise Refused("ENVELOPE_INVALID")
    return envelope


def is_of_another_version(content: bytes) -> bool:
    """Another version may have other fields, so its name counts even if the rest cannot be read."""
    try:
        for number, wire_type, value in Reader(content).fields():
            if (number, wire_type) == (1, LENGTH_DELIMITED):
                return value != b"mcp/0.1"
    except Malformed:
        pass
    return False


def judge_arguments(allowed: Collection[str], method: str, tool: str, type_url: str, value: bytes) -> str:
    """What steps 10 and 11 say of a tool, called by a key that may call the `allowed` beside the system tools."""
    kind = SYSTEM_TOOLS.get(tool) or (DEMO_TOOLS.get(tool) if tool in allowed else None)
    if kind is None:
        return "TOOL_FORBIDDEN"
    if (tool == "watch_job") != method.endswith("/WatchJob"):
        return "TOOL_RPC_MISMATCH"
    try:
        strict = canonical(value, kind, json_numbers=True)
    except Malformed:
        return "ARGS_INVALID"
    is_valid = type_url == TYPE_URL + kind.full_name and not violations_of(GetMessageClass(kind).FromString(strict))
    return "valid" if is_valid else "ARGS_INVALID"


def tools_of(service: ServiceDescriptor) -> dict[str, Descriptor]:
    """Request messages by the tool's name."""
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", each.name).lower(): each.input_type for each in service.methods}


DEMO_TOOLS = tools_of(demo_tool_service_pb2.DESCRIPTOR.services_by_name["DemoToolService"])
SYSTEM_TOOLS = tools_of(system_tool_service_pb2.DESCRIPTOR.services_by_name["SystemToolService"])
