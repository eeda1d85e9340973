"""How long an operation may last."""

import time
from collections.abc import Callable

from sealwire._core.failure import CallFailure

# 30 years, which every timer takes. gRPC and locks do not take infinity, nor much longer times.
_MOST = 1e9


class Deadline:
    """The time limit of one operation; None: no limit."""

    __slots__ = ("_describe", "_ends_at", "is_callers", "limit")

    def __init__(self, limit: float | None, describe: Callable[[], str], *, is_callers: bool = False) -> None:
        self.limit = limit
        self.is_callers = is_callers
        """True if the caller set the limit, and not the channel."""
        self._ends_at = None if limit is None else time.monotonic() + min(limit, _MOST)
        self._describe = describe

    def remaining(self) -> float | None:
        """Seconds left."""
        return None if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())

    def has_passed(self) -> bool:
        return self._ends_at is not None and time.monotonic() >= self._ends_at

    def leaves(self, seconds: float) -> bool:
        """True if more time than this is left."""
        return self._ends_at is None or time.monotonic() + seconds < self._ends_at

    def failure(self) -> "TimeIsUp":
        return TimeIsUp(self._describe(), is_callers=self.is_callers)


class TimeIsUp(CallFailure):
    """The time of an operation has passed without a verified answer."""

    def __init__(self, message: str, *, is_callers: bool) -> None:
        super().__init__("DEADLINE_EXCEEDED", message)
        self.is_callers = is_callers
