"""Signs requests to a Sealwire server and verifies its answers (docs/protocol.md).

This file needs the generated module of `sealwire.v1.Response` and the standard library, and nothing else of this
package. It is the reference beside the test vectors: a client of your own can copy it.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from sealwire.v1.error_pb2 import ErrorReason
from sealwire.v1.response_pb2 import Response

VERSION = "mcp/0.1"
TYPE_URL = "type.googleapis.com/"
REQUEST_KEY_PREFIX = "sws_"
RESPONSE_KEY_PREFIX = "swr_"

_OK_BY_STATUS = {1: True, 2: True, 3: True, 4: True, 5: False, 6: False}
_UNREAD = (ErrorReason.ERROR_REASON_ENVELOPE_INVALID, ErrorReason.ERROR_REASON_UNSUPPORTED_VERSION)


class Unverified(Exception):
    """An answer could not be verified. Nothing in it may be believed or acted on."""


def pae(*parts: bytes) -> bytes:
    """Encodes parts unambiguously, as the signing input of a MAC: the version, their number, and each with its
    length."""
    return b"mcp/0.1 %d" % len(parts) + b"".join([b" %d %s" % (len(part), part) for part in parts])


class MacKey:
    """A key whose part of HMAC-SHA256 (RFC 2104) is computed once, and not for each message. Its text form is no
    key."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, message: bytes) -> bytes:
        """Returns the HMAC of a message: 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def mac(key: bytes | MacKey, *parts: bytes) -> bytes:
    """Returns HMAC-SHA256 over PAE(parts): 32 bytes."""
    return (key if isinstance(key, MacKey) else MacKey(key)).digest(pae(*parts))


def read_key(text: str, prefix: str) -> bytes:
    """Reads a key out of its text: `prefix` (`sws_` or `swr_`) and 32 to 1024 bytes in base64url without padding.

    Raises ValueError, which does not contain the text.
    """
    if text.startswith(prefix) and text.isascii():
        digits = text[len(prefix) :]
        try:
            key = base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True)
        except ValueError:
            key = b""
        written = prefix + base64.urlsafe_b64encode(key).decode().rstrip("=")
        if written == text and 32 <= len(key) <= 1024:
            return key
    raise ValueError(f"must be {prefix} and 32 to 1024 bytes in base64url without padding")


def sign(request_key: bytes | MacKey, key_id: str, method: str, envelope: bytes) -> bytes:
    """Returns the signature of a serialized Envelope that is sent to the gRPC path `method`: 32 bytes."""
    return mac(request_key, b"request", method.encode(), key_id.encode(), envelope)


def write_frame(content: bytes, key_id: str, signature: bytes) -> bytes:
    """Returns the frame that carries signed bytes: fields 1 (content), 2 (key id) and 3 (signature)."""
    key = key_id.encode()
    return b"".join(
        (
            b"\n",
            _varint(len(content)),
            content,
            b"\x12",
            _varint(len(key)),
            key,
            b"\x1a",
            _varint(len(signature)),
            signature,
        )
    )


def read_frame(frame: bytes) -> tuple[bytes, bytes, bytes]:
    """Returns content, key id and signature of a frame. Raises Unverified if it is no frame, or has anything else."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(frame):
        tag = frame[at]
        length, at = _read_varint(frame, at + 1)
        if tag not in (0x0A, 0x12, 0x1A) or tag in found or at + length > len(frame):
            raise Unverified("the answer is no signed frame")
        found[tag] = frame[at : at + length]
        at += length
    if len(found) < 3:
        raise Unverified("the answer is no signed frame")
    return found[0x0A], found[0x12], found[0x1A]


@dataclass(slots=True)
class Expected:
    """What the answer to one request must match."""

    server_id: str
    key_id: str
    """The key that signed the request."""
    response_key: bytes | MacKey = field(repr=False)
    request_signature: bytes
    """The signature of this very attempt, to which its answer is bound."""
    request_id: str
    result_type: str | None = None
    """Full name of the message that a `result` must have; None if any."""


def verify(expected: Expected, frame: bytes, sequence: int = 0) -> Response:
    """Returns the Response in a received frame. Verifies its bytes before it parses them.

    `sequence`: 0 for the answer to a call, 1, 2, 3 … for the messages of a watch. Raises Unverified.
    """
    content, key_id, signature = read_frame(frame)
    own = mac(expected.response_key, b"response", expected.request_signature, content)
    if key_id != expected.key_id.encode() or not hmac.compare_digest(own, signature):
        raise Unverified("the answer is not signed for this request")
    try:
        response = Response.FromString(content)
    except DecodeError as error:
        raise Unverified("the answer cannot be read") from error
    if response.v != VERSION:
        raise Unverified("the answer is of another version")
    if response.server_id != expected.server_id:
        raise Unverified(f"the answer is signed by another server, {response.server_id!r}")
    if response.sequence != sequence:
        raise Unverified(f"the answer has place {response.sequence} in the stream, not {sequence}")
    if response.request_id != expected.request_id and not (
        response.request_id == "" and response.error.reason in _UNREAD
    ):
        raise Unverified("the answer is to another request")
    if response.ok is not _OK_BY_STATUS.get(response.status):
        raise Unverified("the answer contradicts itself")
    result_type = response.result.type_url
    if (
        expected.result_type is not None
        and response.HasField("result")
        and result_type != TYPE_URL + expected.result_type
    ):
        raise Unverified(f"the answer holds the result of another tool, {result_type!r}")
    return response


def _varint(number: int) -> bytes:
    if number < 0x80:
        return number.to_bytes(1, "little")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 35 and at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Unverified("the answer is no signed frame")
