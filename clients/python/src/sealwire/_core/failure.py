"""The failure of a call, before it becomes a gRPC status."""

import grpc
from google.rpc import code_pb2

from sealwire.v1.error_pb2 import Error, ErrorReason

REASON_NAMES = {number: name.removeprefix("ERROR_REASON_") for name, number in ErrorReason.items()}
STATUS_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

_Code = grpc.StatusCode
# Reasons that this package raises itself, and whether the same intent may succeed when tried again.
_CODES = {
    "RESPONSE_UNVERIFIED": _Code.UNKNOWN,
    "RESPONSE_INVALID": _Code.INTERNAL,
    "UNREACHABLE": _Code.UNAVAILABLE,
    "CREDENTIALS_REFUSED": _Code.UNAUTHENTICATED,
    "ENVELOPE_INVALID": _Code.INVALID_ARGUMENT,
    "TOOL_FORBIDDEN": _Code.PERMISSION_DENIED,
    "ARGS_INVALID": _Code.INVALID_ARGUMENT,
    "TOOL_CHANGED": _Code.FAILED_PRECONDITION,
    "OUTCOME_UNKNOWN": _Code.UNKNOWN,
    "DEADLINE_EXCEEDED": _Code.DEADLINE_EXCEEDED,
    "CANCELLED": _Code.CANCELLED,
    "INTERNAL": _Code.INTERNAL,
}
# A delay above the longest time-out, which every timer takes.
_DELAY_MOST = 1e6
# Reasons that never travel, and have no number in `sealwire.v1.ErrorReason`.
_LOCAL = {"RESPONSE_UNVERIFIED", "RESPONSE_INVALID", "UNREACHABLE", "CREDENTIALS_REFUSED"}


class CallFailure(Exception):
    """Why a call did not succeed. `error` is what the server signed; None for what this package found itself."""

    def __init__(
        self, reason: str, message: str, *, code: grpc.StatusCode | None = None, error: Error | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.code = code or _CODES[reason]
        self.error = error
        self.is_retryable = error.retryable if error is not None else reason == "UNREACHABLE"
        self.has_not_begun = False
        """True if it is certain that no server has carried the call out."""

    @classmethod
    def of_error(cls, error: Error) -> "CallFailure":
        """The failure that a signed Error tells of. An unknown reason becomes INTERNAL, an unknown code UNKNOWN."""
        code = STATUS_CODES.get(error.code, _Code.UNKNOWN)
        reason = REASON_NAMES.get(error.reason, "INTERNAL")
        return cls(reason, error.message, code=_Code.UNKNOWN if code is _Code.OK else code, error=error)

    @property
    def retry_delay(self) -> float | None:
        """Seconds that the server asks to wait, 0 to _DELAY_MOST."""
        if self.error is None or not self.error.HasField("retry_delay"):
            return None
        delay = self.error.retry_delay
        return min(max(0.0, delay.seconds + delay.nanos / 1e9), _DELAY_MOST)

    def to_error(self, code: grpc.StatusCode) -> Error | None:
        """The `sealwire.v1.Error` for the details of a status; None for a local reason."""
        if self.reason in _LOCAL:
            return None
        if self.error is not None:
            return self.error
        reason = ErrorReason.Value(f"ERROR_REASON_{self.reason}")
        return Error(code=code_pb2.Code.Name(code.value[0]), reason=reason, message=self.message)


def invalid_response(message: str) -> CallFailure:
    """The failure for a signed answer that does not fit the contract, or what the server said before."""
    return CallFailure("RESPONSE_INVALID", message)


def error_of_response(error: Error | None, what: str) -> CallFailure:
    """The failure that an answer which is not ok tells of."""
    if error is not None:
        return CallFailure.of_error(error)
    return CallFailure("INTERNAL", f"{what} failed and the server does not say why.")
