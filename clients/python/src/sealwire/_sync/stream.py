"""Calls of a stub that have a stream of answers."""

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from sealwire._core.bases import UnaryStream
from sealwire._core.deadline import TimeIsUp
from sealwire._core.failure import CallFailure
from sealwire._core.native import NativeCall, stream_call
from sealwire._sync.call_state import CallState
from sealwire._sync.driver import Driver
from sealwire._sync.stub_call import StubMethod
from sealwire._sync.unary import decode, leave
from sealwire.status import Abandoned, CallError, call_error


class StreamMethod(UnaryStream):
    """A streaming method of a stub: a streaming job, or a watch."""

    def __init__(self, method: StubMethod) -> None:
        self._method = method

    def __call__(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Calls the tool. Returns a call that is also an iterator of messages; it goes on while it is iterated."""
        return StreamCall(self._method, request, timeout, metadata)


class StreamCall(CallState, Iterator[Any]):
    """A call with a stream of answers. It has no thread: it goes on in the thread that asks for the next message."""

    def __init__(self, method: StubMethod, request: Any, timeout: float | None, metadata: Any) -> None:
        super().__init__(timeout)
        self._method = method
        self._call: NativeCall | None = None
        # The driver must not hold the call: one that is dropped ends at once.
        started = weakref.WeakMethod(self._started)
        self._driver = Driver(method.connection, can_cancel=True, on_started=lambda job_id: _tell(started, job_id))
        self._messages: Iterator[Any] = iter(())
        self._read_ahead: deque[Any] = deque()
        self._driving = threading.RLock()
        self._error: CallError | None = None
        try:
            self._call = call = method.prepare(request, timeout, metadata)
            if not call.method.is_job:
                self.tell_ids(call.intent.request_id, None)
            self._messages = self._driver.iterate(stream_call(method.connection.session, call))
        except CallFailure as failure:
            self._end_with(call_error(failure, self._call))
        except CallError as error:
            self._end_with(error)

    def _started(self, job_id: str) -> None:
        if self._call is not None:
            self.tell_ids(self._call.intent.request_id, job_id)

    def __iter__(self) -> "StreamCall":
        return self

    def __next__(self) -> Any:
        """The next message. Raises CallError, StopIteration after the last one."""
        with self._driving:
            return self._read_ahead.popleft() if self._read_ahead else self._next()

    def _next(self) -> Any:
        call = self._call
        if self._error is not None:
            raise self._error
        if call is None or self._code is not None:
            raise StopIteration
        try:
            return decode(self._method, next(self._messages))
        except StopIteration:
            self.succeed(call)
            raise
        except CallFailure as failure:
            if self._end_with(call_error(failure, call)) and isinstance(failure, TimeIsUp | Abandoned):
                leave(self._method, call)
            assert self._error is not None
            raise self._error from failure.__cause__
        except KeyboardInterrupt:
            leave(self._method, call)
            raise

    def _end_with(self, error: CallError) -> bool:
        """False if the call has ended before."""
        with self._changed:
            if self._error is not None:
                return False
            self._error = error
        self.fail(error)
        return True

    def cancel(self) -> bool:
        """Cancels the waiting; of a job also the job, where the metadata `sealwire-cancel-on-abandon` say so."""
        call = self._call
        if self._code is not None or call is None:
            return False
        self._driver.cancel()
        if self._end_with(call_error(Abandoned("The caller cancelled the call."), call)):
            leave(self._method, call)
        return True

    def _wait(self, is_there: Callable[[], bool]) -> None:
        """Reads ahead until it is there: no other thread may read."""
        while not is_there():
            with self._driving:
                if is_there():
                    return
                try:
                    self._read_ahead.append(self._next())
                except (StopIteration, CallError):
                    return

    def __del__(self) -> None:
        if getattr(self, "_call", None) is not None and self._code is None:
            self.cancel()


def _tell(started: "weakref.ReferenceType[Any]", job_id: str) -> None:
    method = started()
    if method is not None:
        method(job_id)
