"""The gRPC errors that calls raise, and what is in them."""

from collections.abc import Callable
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus

from sealwire._core.bases import Future
from sealwire._core.deadline import TimeIsUp
from sealwire._core.failure import CallFailure
from sealwire._core.intent import answer_metadata
from sealwire._core.metadata import Metadata
from sealwire._core.native import NativeCall
from sealwire._core.wire import DETAILS_KEY
from sealwire.signing import TYPE_URL
from sealwire.v1.error_pb2 import Error

_MAX_DETAILS_BYTES = 4096
_MAX_TEXT_LENGTH = 256
# Details that a tool must not forge.
_OWN_TYPES = {"sealwire.v1.CallResponse", "sealwire.v1.WatchJobResponse", "sealwire.v1.Error", "google.rpc.ErrorInfo"}
# Errors that say for certain what has become of the call, or have a status of their own.
_CERTAIN = {"RESPONSE_UNVERIFIED", "RESPONSE_INVALID", "OUTCOME_UNKNOWN", "JOB_NOT_FOUND"}


class CallError(grpc.aio.AioRpcError, grpc.Call, Future):  # type: ignore[misc]
    """A call that did not succeed, on the synchronous and on the asynchronous side. Is a `grpc.RpcError`.

    `code()` and `details()` are the gRPC status; its details in the trailers are those of `google.rpc`: ErrorInfo with
    the reason, BadRequest with the invalid fields, RetryInfo, the tool's own, and the server's `sealwire.v1.Error`,
    which `error_of` returns.
    """

    reason: str
    """The reason, as docs/errors.md lists them, such as "ARGS_INVALID"."""
    request_id: str | None
    """Names the intent: a call that is repeated with it gets the same outcome."""
    job_id: str | None
    """The job that the call has started."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str,
        trailers: grpc.aio.Metadata,
        error: Error | None,
        request_id: str | None,
        job_id: str | None,
    ) -> None:
        pairs = answer_metadata(request_id, job_id) if request_id is not None else ()
        super().__init__(code, Metadata(*pairs), trailers, details=message)
        self.reason = reason
        self.request_id = request_id
        self.job_id = job_id
        self._error = error

    def is_active(self) -> bool:
        """False: the call is over."""
        return False

    def time_remaining(self) -> float:
        """0: the call is over."""
        return 0.0

    def cancel(self) -> bool:
        """Does nothing: the call is over."""
        return False

    def add_callback(self, callback: Any) -> bool:
        """Returns False without calling it: the call is over."""
        return False

    # The interceptors of gRPC take the error of a call for its future.

    def cancelled(self) -> bool:
        return False

    def running(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def result(self, timeout: float | None = None) -> NoReturn:
        """Raises this error."""
        raise self

    def exception(self, timeout: float | None = None) -> "CallError":
        """Returns this error."""
        return self

    def traceback(self, timeout: float | None = None) -> Any:
        return self.__traceback__

    def add_done_callback(self, fn: Callable[[Any], Any]) -> None:
        """Calls it at once: the call is over."""
        fn(self)

    def __reduce__(self) -> Any:
        return (
            _restore,
            (
                type(self),
                self.code(),
                self.details(),
                self.reason,
                tuple(self.trailing_metadata()),
                self._error,
                self.request_id,
                self.job_id,
            ),
        )


class UnverifiedError(CallError):
    """An answer that is not the server's, or was changed on the way. Nothing in it is believed, and the call is not
    tried again. Its code is DATA_LOSS."""


def _restore(
    kind: type[CallError], code: Any, message: str, reason: str, trailers: Any, error: Any, request_id: Any, job_id: Any
) -> CallError:
    metadata = Metadata(*trailers)
    return kind(code, message, reason=reason, trailers=metadata, error=error, request_id=request_id, job_id=job_id)


def error_of(error: BaseException) -> Error | None:
    """Returns the `sealwire.v1.Error` of a failed call: code, reason, violations, retry delay, details of the tool.

    It is the one that the server has signed, or of this package where a call ended without one, as with
    OUTCOME_UNKNOWN. None for any other exception, and where no such reason is known to servers, as for UNREACHABLE and
    an answer that does not verify.
    """
    if isinstance(error, CallError):
        return error._error
    trailers = getattr(error, "trailing_metadata", lambda: None)() if isinstance(error, grpc.RpcError) else None
    packed = next((value for key, value in trailers or () if key == DETAILS_KEY), b"")
    try:
        details = RpcStatus.FromString(packed).details
        found = next((each.value for each in details if each.type_url == TYPE_URL + "sealwire.v1.Error"), None)
        return None if found is None else Error.FromString(found)
    except DecodeError:
        return None


def call_error(failure: CallFailure, call: NativeCall | None = None) -> CallError:
    """The error of a call that has failed. Ordinary stubs repeat a call that ends with UNAVAILABLE, as a new intent,
    so a call that may have had an effect never ends with it (docs/proxy.md, Statuses)."""
    if call is None:
        return _error(failure, _native_code(failure), None)
    if call.is_tools_failure:
        code = _native_code(failure)
        is_repeated = code is grpc.StatusCode.UNAVAILABLE and not call.method.is_repeatable
        return _error(failure, grpc.StatusCode.ABORTED if is_repeated else code, call)
    if _is_open(failure, call):
        failure = _outcome_unknown(failure, call)
    return _error(failure, _native_code(failure), call)


def _is_open(failure: CallFailure, call: NativeCall) -> bool:
    """True if the call may have had an effect, or its job goes on."""
    if call.method.is_repeatable or failure.reason in _CERTAIN:
        return False
    # The caller's own deadline and its own cancellation end the waiting only, and have their own codes.
    if isinstance(failure, Abandoned) or (isinstance(failure, TimeIsUp) and failure.is_callers):
        return False
    return call.job_id is not None or not failure.has_not_begun


class Abandoned(CallFailure):
    """The caller cancelled the call, or closed its channel."""

    def __init__(self, message: str) -> None:
        super().__init__("CANCELLED", message)


def _outcome_unknown(cause: CallFailure, call: NativeCall) -> CallFailure:
    what = "The call may have taken effect" if call.job_id is None else f"Job {call.job_id} goes on"
    request_id = call.intent.request_id
    return CallFailure(
        "OUTCOME_UNKNOWN",
        f"{what}; to get the outcome, repeat the call with the metadata sealwire-request-id: {request_id}."
        f" ({cause.message})",
    )


def _native_code(failure: CallFailure) -> grpc.StatusCode:
    if failure.reason == "RESPONSE_UNVERIFIED":
        return grpc.StatusCode.DATA_LOSS
    return grpc.StatusCode.UNKNOWN if failure.reason == "OUTCOME_UNKNOWN" else failure.code


def _error(failure: CallFailure, code: grpc.StatusCode, call: NativeCall | None) -> CallError:
    request_id = call.intent.request_id if call is not None else None
    job_id = call.job_id if call is not None else None
    error = failure.to_error(code)
    ids = {"tool": call.method.tool, "request_id": call.intent.request_id} if call is not None else {}
    if job_id is not None:
        ids["job_id"] = job_id
    pairs = answer_metadata(request_id, job_id) if request_id is not None else ()
    trailers = Metadata(*pairs, (DETAILS_KEY, _packed_status(failure, code, error, ids)))
    kind = UnverifiedError if failure.reason == "RESPONSE_UNVERIFIED" else CallError
    raised = kind(
        code,
        failure.message,
        reason=failure.reason,
        trailers=trailers,
        error=error,
        request_id=request_id,
        job_id=job_id,
    )
    raised.__cause__ = failure.__cause__
    return raised


def _packed_status(failure: CallFailure, code: grpc.StatusCode, error: Error | None, ids: dict[str, str]) -> bytes:
    """A google.rpc.Status with the details that fit into 4 KiB; the first ones are preferred."""
    details: list[Message] = [ErrorInfo(reason=failure.reason, domain="sealwire", metadata=ids)]
    if error is not None:
        if error.HasField("retry_delay"):
            details.append(RetryInfo(retry_delay=error.retry_delay))
        if error.violations:
            violations = [
                BadRequest.FieldViolation(field=each.field, description=each.message, reason=each.rule_id)
                for each in error.violations
            ]
            details.append(BadRequest(field_violations=violations))
    number: int = code.value[0]
    status = RpcStatus(code=number, message=failure.message[:_MAX_TEXT_LENGTH])
    for detail in details:
        status.details.add().Pack(detail)
    if error is not None:
        status.details.extend(each for each in error.details if each.type_url.rpartition("/")[2] not in _OWN_TYPES)
        status.details.add().Pack(error)
    while status.ByteSize() > _MAX_DETAILS_BYTES and status.details:
        status.details.pop()
    packed: bytes = status.SerializeToString()
    return packed
