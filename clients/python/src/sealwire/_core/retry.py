"""Decides whether and when an intent is tried again (docs/protocol.md, Intents and retries).

All attempts have the same request id, and a server carries an intent out once. An attempt with an unknown outcome may
therefore be repeated for any tool. After a verified refusal, an attempt is repeated only if the refusal is retryable.
"""

import random
import re
from collections.abc import Callable

import grpc

from sealwire._core.failure import CallFailure
from sealwire._core.outcome import Failed
from sealwire._core.settings import Retry

# Unsigned statuses after which another attempt may succeed: a lost connection, an overloaded or restarting peer.
_PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
# Refusals before a tool runs or a job is accepted. After all others, the call may be running or may have ended.
_BEFORE_EXECUTION = {
    "ENVELOPE_INVALID",
    "UNSUPPORTED_VERSION",
    "CLIENT_MISMATCH",
    "AUDIENCE_MISMATCH",
    "CLOCK_SKEW",
    "FRESHNESS_UNKNOWN",
    "TOOL_FORBIDDEN",
    "TOOL_RPC_MISMATCH",
    "TOOL_CHANGED",
    "ARGS_INVALID",
    "REQUEST_ID_REUSED",
    "RATE_LIMITED",
    "QUOTA_EXCEEDED",
}
# Minimum delay in seconds after the connection was lost during a call.
_LOSS_DELAY = 0.5
# A call that cannot reach a server is given up if less time than this is left.
_LEAST_LEFT = 0.05


class Retries:
    """The retries of one operation."""

    def __init__(self, options: Retry, fraction: Callable[[], float] = random.random) -> None:
        self._options = options
        self._fraction = fraction
        self._may_have_run = False
        self.reset()

    def reset(self) -> None:
        """Resets all counts, after a message has shown that the server works."""
        self._failures = self._counted = self._losses = self._told = 0
        self._clock_corrected = False

    @property
    def attempts_left(self) -> bool:
        return self._counted < self._options.max_attempts

    def allows(self, failed: Failed) -> bool:
        """True if another attempt may follow. Those that were told a delay are limited by the deadline, not by a
        count."""
        return self.attempts_left or (self._options.max_attempts > 1 and tells_delay(failed))

    def note(self, failed: Failed) -> None:
        """Notes an attempt that has failed, for `final_failure`. `delay_after` does so, too."""
        self._may_have_run = self._may_have_run or _may_have_run(failed)

    def delay_after(
        self,
        failed: Failed,
        *,
        correct_clock: Callable[[], bool],
        alternatives: int = 0,
        remaining: float | None = None,
    ) -> float | None:
        """Seconds to wait before the next attempt; None if there is none. If a server is out of service, up to
        `alternatives` others are tried without a delay, unless the connection was lost during the call."""
        left = float("inf") if remaining is None else remaining
        self._failures += 1
        self.note(failed)
        # A server that drains is about to go; it is waited for like one that is down.
        is_away = failed.is_away or _is_draining(failed)
        is_counted = not is_away or self._options.max_attempts == 1
        self._counted += is_counted
        if is_away and left < _LEAST_LEFT:
            return None
        if failed.kind == "unsigned" and failed.failure.reason == "UNREACHABLE" and not failed.is_unsent:
            return self._delay_after_loss()
        if _is_out_of_service(failed) and self._failures <= alternatives:
            return 0.0
        if failed.kind != "refusal":
            return self._backoff(left) if failed.kind == "unsigned" and _is_passing(failed.failure) else None
        failure = failed.failure
        if failure.reason == "CLOCK_SKEW":
            if self._clock_corrected or not correct_clock():
                return None
            self._clock_corrected = True
            return 0.0
        # The nonce is unique, so the frame was delivered twice. Another attempt with the request id gets the outcome.
        if failure.reason == "REPLAYED":
            return self._backoff(left)
        if not failure.is_retryable:
            return None
        delay = failure.retry_delay
        return self._backoff(left) if delay is None else self._delay_as_told(delay, left)

    def final_failure(self, failed: Failed) -> CallFailure:
        """The failure for the caller after the last attempt. Says whether the call may have been carried out."""
        failure = failed.failure
        if failed.kind == "refusal" and failure.reason == "REPLAYED":
            failure = CallFailure(
                "OUTCOME_UNKNOWN",
                "The request was delivered more than once on the way, so its outcome is unknown; repeat it under the"
                " same request id.",
            )
        failure.has_not_begun = not (self._may_have_run or _may_have_run(failed))
        return failure

    def failure_in_time(self, failed: Failed) -> CallFailure | None:
        """The failure if the time was up during an attempt; None if the call may have been carried out."""
        if self._may_have_run or failed.kind != "unsigned" or not failed.is_unsent:
            return None
        failed.failure.has_not_begun = True
        return failed.failure

    def _backoff(self, left: float) -> float:
        limit = min(self._options.max_delay, _doubled(self._options.initial_delay, self._failures - 1), left / 2)
        return self._fraction() * limit

    def _delay_after_loss(self) -> float:
        """The call itself may have crashed the server, so it is delayed: at least half a second, doubled each time."""
        self._losses += 1
        return min(self._options.max_delay / 2, _doubled(_LOSS_DELAY, self._losses - 1)) * (1 + self._fraction())

    def _delay_as_told(self, delay: float, left: float) -> float:
        """The delay that the server asks for, plus a random part that grows and spreads clients."""
        self._told += 1
        again = 0.0 if self._told == 1 else _doubled(self._options.initial_delay, self._told - 2)
        spread = min(self._options.max_delay, delay / 4 + 0.01 + again, max(0.0, left - delay) / 2)
        return delay + self._fraction() * spread


def tells_delay(failed: Failed) -> bool:
    """True if a verified refusal asks for a delay."""
    return failed.kind == "refusal" and failed.failure.is_retryable and failed.failure.retry_delay is not None


def _doubled(seconds: float, times: int) -> float:
    return float(seconds * 2 ** min(max(times, 0), 30))


def _may_have_run(failed: Failed) -> bool:
    """True unless it is certain that the attempt was not carried out."""
    if failed.kind == "refusal":
        return failed.failure.reason not in _BEFORE_EXECUTION
    return not failed.is_unsent


def _is_out_of_service(failed: Failed) -> bool:
    """True if this server drains or cannot be reached."""
    return _is_draining(failed) or (failed.kind == "unsigned" and failed.failure.reason == "UNREACHABLE")


def _is_draining(failed: Failed) -> bool:
    return failed.kind == "refusal" and failed.failure.reason == "DRAINING" and failed.failure.is_retryable


def _is_passing(failure: CallFailure) -> bool:
    # gRPC reports a message above a size limit as RESOURCE_EXHAUSTED. A retry does not help.
    return failure.code in _PASSING and not re.search(r"larger than max", failure.message, re.IGNORECASE)
