"""A call of a stub that is over or runs, as gRPC's synchronous API shows it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc

from sealwire._core.intent import Pairs, answer_metadata
from sealwire._core.native import NativeCall
from sealwire.status import CallError

_logger = logging.getLogger("sealwire")


def run_callback(callback: Callable[..., object], *arguments: object) -> None:
    """Runs a callback of the caller. As in gRPC, what it raises is logged and changes nothing."""
    try:
        callback(*arguments)
    except Exception:
        _logger.exception("a callback of a call has failed")


class CallState(grpc.Call):
    """What is known of one call: ids as soon as they are, the status at the end."""

    def __init__(self, timeout: float | None) -> None:
        self._ends_at = None if timeout is None else time.monotonic() + timeout
        self._changed = threading.Condition()
        self._initial: Pairs | None = None
        self._code: grpc.StatusCode | None = None
        self._details = ""
        self._trailers: Any = ()
        self._callbacks: list[Callable[[], object]] = []

    def is_active(self) -> bool:
        return self._code is None

    def time_remaining(self) -> float | None:  # type: ignore[override]
        return None if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())

    def cancel(self) -> bool:
        """Does nothing: the call is over."""
        return False

    def add_callback(self, callback: Callable[[], Any]) -> bool:
        with self._changed:
            if self._code is None:
                self._callbacks.append(callback)
                return True
        return False

    def initial_metadata(self) -> Any:
        """The ids of the call. Waits until they are known: of a job, until the server has signed that it is
        accepted."""
        self._wait(lambda: self._initial is not None)
        return self._initial

    def trailing_metadata(self) -> Any:
        """The ids again. Waits until the call is over."""
        self._wait(lambda: self._code is not None)
        return self._trailers

    def code(self) -> grpc.StatusCode:
        """The status. Waits until the call is over."""
        self._wait(lambda: self._code is not None)
        assert self._code is not None
        return self._code

    def details(self) -> str:
        self._wait(lambda: self._code is not None)
        return self._details

    def _wait(self, is_there: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(is_there)

    def tell_ids(self, request_id: str, job_id: str | None) -> None:
        with self._changed:
            self._initial = answer_metadata(request_id, job_id)
            self._changed.notify_all()

    def succeed(self, call: NativeCall) -> None:
        self._end(grpc.StatusCode.OK, "", answer_metadata(call.intent.request_id, call.job_id))

    def fail(self, error: CallError) -> None:
        self._end(error.code(), error.details() or "", error.trailing_metadata())

    def _end(self, code: grpc.StatusCode, details: str, trailers: Any) -> None:
        with self._changed:
            if self._code is not None:
                return
            ids = tuple((key, value) for key, value in trailers if key.startswith("sealwire-"))
            self._initial = self._initial if self._initial is not None else ids
            self._code, self._details, self._trailers = code, details, tuple(trailers)
            callbacks, self._callbacks = self._callbacks, []
            self._changed.notify_all()
        for callback in callbacks:
            run_callback(callback)
