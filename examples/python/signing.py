"""Signs requests to a Sealwire server and verifies its answers (docs/protocol.md)."""

import hashlib
import hmac
from dataclasses import dataclass

from frame_pb2 import Frame
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status as RpcStatus
from sealwire.v1.error_pb2 import ErrorReason
from sealwire.v1.response_pb2 import Response

from credentials import Credentials

TYPE_URL = "type.googleapis.com/"
OK_BY_STATUS = {1: True, 2: True, 3: True, 4: True, 5: False, 6: False}
REASONS = {number: name.removeprefix("ERROR_REASON_") for name, number in ErrorReason.items()}


class Unverified(Exception):
    """The answer could not be verified. Its content must not be used."""


@dataclass(frozen=True)
class Expected:
    """The values that an answer must match, such as the request's signature and the tool's response message."""

    credentials: Credentials
    request_id: str
    request_signature: bytes
    result_type: str


def pae(*parts: bytes) -> bytes:
    return b"mcp/0.1 %d" % len(parts) + b"".join(b" %d %s" % (len(part), part) for part in parts)


def mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, pae(*parts), hashlib.sha256)


def sign(credentials: Credentials, method: str, envelope: bytes) -> Frame:
    """Signs the bytes of an Envelope for a gRPC path."""
    signature = mac(credentials.request_key, b"request", method.encode(), credentials.key_id.encode(), envelope)
    return Frame(content=envelope, key_id=credentials.key_id, signature=signature)


def verify(expected: Expected, received: bytes, sequence: int = 0) -> Response:
    """Returns the Response in a received frame, or raises Unverified. Verifies the Response before parsing it."""
    credentials = expected.credentials
    try:
        frame = Frame.FromString(received)
        signature = mac(credentials.response_key, b"response", expected.request_signature, frame.content)
        if frame.key_id != credentials.key_id or not hmac.compare_digest(frame.signature, signature):
            raise Unverified("the answer is not signed for this request")
        response = Response.FromString(frame.content)
    except DecodeError as error:
        raise Unverified("the answer cannot be read") from error
    if (response.v, response.server_id, response.sequence) != ("mcp/0.1", credentials.server_id, sequence):
        raise Unverified("the answer is of another version, server or place in the stream")
    unread = REASONS.get(response.error.reason) in ("ENVELOPE_INVALID", "UNSUPPORTED_VERSION")
    if response.request_id != expected.request_id and not (unread and response.request_id == ""):
        raise Unverified("the answer is to another request")
    if response.ok is not OK_BY_STATUS.get(response.status):
        raise Unverified("the answer contradicts itself")
    if response.HasField("result") and response.result.type_url != TYPE_URL + expected.result_type:
        raise Unverified("the answer holds another tool's result")
    return response


def verify_refusal(expected: Expected, code: int, details: bytes, sequence: int = 0) -> Response | None:
    """Returns the Response in the details of a failed call (`grpc-status-details-bin`); None if it is unsigned."""
    try:
        status = RpcStatus.FromString(details)
        found = {each.type_url.removeprefix(TYPE_URL): each.value for each in reversed(status.details)}
        info = ErrorInfo.FromString(found.get("google.rpc.ErrorInfo", b""))
    except DecodeError as error:
        raise Unverified("the status details cannot be read") from error
    frame = found.get("sealwire.v1.CallResponse", found.get("sealwire.v1.WatchJobResponse"))
    if frame is None:
        return None
    response = verify(expected, frame, sequence)
    reason = REASONS.get(response.error.reason, info.reason)
    if not code == status.code == response.error.code or info.reason not in ("", reason):
        raise Unverified("the status contradicts the signed refusal")
    return response
