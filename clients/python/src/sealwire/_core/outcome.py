"""What an attempt came to. Only an answer and a refusal have a valid signature."""

import re
from dataclasses import dataclass
from typing import Literal

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status as RpcStatus

from sealwire._core.effects import Reply
from sealwire._core.failure import REASON_NAMES, CallFailure
from sealwire._core.wire import DETAILS_KEY
from sealwire.signing import TYPE_URL, Expected, Unverified, verify
from sealwire.v1.error_pb2 import ErrorReason
from sealwire.v1.response_pb2 import Response, Status

# Reasons that only a tool that ran can report. With all others, a retry executes nothing twice.
_FROM_TOOLS = {
    ErrorReason.ERROR_REASON_TOOL_FAILED,
    ErrorReason.ERROR_REASON_RESULT_TOO_LARGE,
    ErrorReason.ERROR_REASON_INTERNAL,
}
_FRAMES = {TYPE_URL + "sealwire.v1.CallResponse", TYPE_URL + "sealwire.v1.WatchJobResponse"}
# The text of a call that was not sent, where gRPC has none.
NOT_CONNECTED = "failed to connect to all addresses"
# What gRPC says of itself when no connection could be made. A peer could say it, too: see `Reply.is_from_peer`.
NO_CONNECTION = re.compile(
    r"^(failed to connect to all addresses|connections to all backends failing"
    r"|errors? resolving |DNS resolution failed)"
)
# A certificate that is not trusted does not mend itself, nor does a server that has no TLS.
_TLS_FAULT = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|WRONG_VERSION_NUMBER|is not in peer certificate|Hostname Verification Check failed"
)


@dataclass(slots=True)
class Failed:
    """An attempt without an answer.

    `refusal`: the server signed it. `unsigned`: a status that nobody signed, or no answer. `forged`: the peer sent a
    frame that does not verify, or contradicts the status.
    """

    kind: Literal["refusal", "unsigned", "forged"]
    failure: CallFailure
    response: Response | None = None
    is_unsent: bool = False
    """The server has certainly not started the call."""
    is_away: bool = False
    """No connection could be made, for a reason that may pass."""


def read_message(frame: bytes | None, expected: Expected, sequence: int) -> Response | Failed:
    """Reads a message of a watch."""
    if frame is None:
        return forged("The peer says OK but sent no answer.")
    try:
        return verify(expected, frame, sequence)
    except Unverified as error:
        return forged(f"The answer to request {expected.request_id} is not believed: {error}.")


def read_answer(frame: bytes | None, expected: Expected) -> Response | Failed:
    """Reads the answer to a call, received with gRPC OK. The status is not signed: the reason tells a refusal."""
    read = read_message(frame, expected, 0)
    return read if isinstance(read, Failed) or not _is_refusal(read) else _refused(read)


def _is_refusal(response: Response) -> bool:
    """True if the tool did not run."""
    if response.status != Status.STATUS_ERROR or not response.HasField("error") or response.HasField("result"):
        return False
    return response.error.reason not in _FROM_TOOLS


def _refused(response: Response) -> Failed:
    return Failed("refusal", CallFailure.of_error(response.error), response)


def read_failure(reply: Reply, expected: Expected, sequence: int) -> Response | Failed:
    """Reads a status other than OK from the signed frame in its details, with which the status must agree. The failure
    of a tool is an answer in this way, too."""
    packed = next((value for key, value in reply.trailers or () if key == DETAILS_KEY), None)
    frame = status = info = None
    if isinstance(packed, bytes):
        try:
            status = RpcStatus.FromString(packed)
            frame = next((each.value for each in status.details if each.type_url in _FRAMES), None)
            details = next(
                (each.value for each in status.details if each.type_url == TYPE_URL + "google.rpc.ErrorInfo"), b""
            )
            info = ErrorInfo.FromString(details)
        except DecodeError:
            frame = None
    if frame is None or status is None or info is None:
        return _read_unsigned(reply, expected.request_id)
    read = read_message(frame, expected, sequence)
    if isinstance(read, Failed):
        return read
    if read.ok or not read.HasField("error"):
        return forged(f"The peer says {reply.code.name} but the signed answer reports no error.")
    code = reply.code.value[0]
    # ErrorInfo is missing if the details were too large for it. A reason that is newer than this package has no name.
    told = info.reason if info.domain == "sealwire" else ""
    agrees = told in ("", REASON_NAMES.get(read.error.reason, told))
    if not code == read.error.code == status.code or not agrees:
        return forged(f"The peer says {reply.code.name} {told} but the signed answer reports something else.")
    return _refused(read) if _is_refusal(read) else read


def read_end(reply: Reply, expected: Expected, sequence: int) -> Failed:
    """Reads the status at the end of a watch, which is never an answer."""
    read = read_failure(reply, expected, sequence)
    return read if isinstance(read, Failed) else _refused(read)


def _read_unsigned(reply: Reply, request_id: str) -> Failed:
    """The outcome of an unsigned status. Its text is for people only, because anyone on the way can send it."""
    said = f"{reply.code.name}: {' '.join(reply.details.split())[:200]}"
    is_local = not reply.is_from_peer and reply.code is grpc.StatusCode.UNAVAILABLE
    is_unsent = is_local and NO_CONNECTION.match(reply.details) is not None
    if reply.code is grpc.StatusCode.UNAVAILABLE:
        what = (
            f"No server took the request ({said})"
            if is_unsent
            else f"No verified answer to request {request_id} ({said})"
        )
        failure = CallFailure("UNREACHABLE", f"{what}.")
    elif reply.code is grpc.StatusCode.UNAUTHENTICATED:
        failure = CallFailure("CREDENTIALS_REFUSED", f"The peer refuses request {request_id}, unsigned ({said}).")
    else:
        failure = CallFailure(
            "RESPONSE_UNVERIFIED", f"The peer answers request {request_id} unsigned ({said}).", code=reply.code
        )
    is_away = is_unsent and _TLS_FAULT.search(reply.details) is None
    return Failed("unsigned", failure, is_unsent=is_unsent, is_away=is_away)


def forged(message: str) -> Failed:
    """The outcome of an attempt whose peer breaks the protocol."""
    return Failed("forged", CallFailure("RESPONSE_UNVERIFIED", message))
