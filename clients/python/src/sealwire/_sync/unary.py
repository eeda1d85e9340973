"""Calls of a stub that have one answer."""

import threading
from collections.abc import Callable
from typing import Any

import grpc

from sealwire._core.bases import Future, UnaryUnary
from sealwire._core.deadline import TimeIsUp
from sealwire._core.failure import CallFailure, invalid_response
from sealwire._core.native import NativeCall, unary_call
from sealwire._sync.call_state import CallState, run_callback
from sealwire._sync.driver import Driver
from sealwire._sync.stub_call import StubMethod
from sealwire.status import Abandoned, CallError, call_error


class UnaryMethod(UnaryUnary):
    """A unary method of a stub. A call of a job method starts the job, waits for its end, and returns its output."""

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
        """Calls the tool. `timeout` is in seconds. Raises CallError."""
        method = self._method
        call = method.prepare(request, timeout, metadata)
        return carry_out(method, call, Driver(method.connection))

    def with_call(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> tuple[Any, grpc.Call]:
        """Calls the tool. Returns the response and the call, whose metadata have the ids. Raises CallError."""
        method = self._method
        call = method.prepare(request, timeout, metadata)
        response = carry_out(method, call, Driver(method.connection))
        state = CallState(timeout)
        state.succeed(call)
        return response, state

    def future(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> Any:
        """Calls the tool in a thread of its own. Returns a call that is also a `grpc.Future`."""
        return UnaryFuture(self._method, request, timeout, metadata)


def carry_out(method: StubMethod, call: NativeCall, driver: Driver) -> Any:
    """Carries out a call. One that its caller leaves may have a job to cancel. Raises CallError."""
    connection = method.connection
    try:
        output = driver.run(unary_call(connection.session, call))
        return decode(method, output)
    except CallFailure as failure:
        if isinstance(failure, TimeIsUp | Abandoned):
            leave(method, call)
        raise call_error(failure, call) from failure.__cause__
    except KeyboardInterrupt:
        leave(method, call)
        raise


def decode(method: StubMethod, output: bytes) -> Any:
    """Decodes an output by the stub."""
    try:
        return method.decode(output)
    except Exception as error:
        raise invalid_response(f"The answer cannot be decoded: {error}") from error


def leave(method: StubMethod, call: NativeCall) -> None:
    """Cancels the job of a call that its caller has left, if that is asked for."""
    if call.intent.cancel_on_abandon and call.method.is_job:
        method.connection.cancel_job_of(call)


class UnaryFuture(CallState, Future):
    """A call that runs in a thread of its own."""

    def __init__(self, method: StubMethod, request: Any, timeout: float | None, metadata: Any) -> None:
        super().__init__(timeout)
        self._method = method
        self._done_callbacks: list[Callable[[Any], object]] = []
        self._result: Any = None
        self._error: CallError | None = None
        self._call: NativeCall | None = None
        self._driver = Driver(method.connection, can_cancel=True, on_started=self._started)
        arguments = (request, timeout, metadata)
        thread = threading.Thread(target=self._run, args=arguments, name="sealwire-call", daemon=True)
        thread.start()

    def _started(self, job_id: str) -> None:
        if self._call is not None:
            self.tell_ids(self._call.intent.request_id, job_id)

    def _run(self, request: Any, timeout: float | None, metadata: Any) -> None:
        try:
            call = self._method.prepare(request, timeout, metadata)
            with self._changed:
                if self._error is not None:  # It was cancelled meanwhile.
                    return
                self._call = call
            if not call.method.is_job:
                self.tell_ids(call.intent.request_id, None)
            self._result = carry_out(self._method, call, self._driver)
            self.succeed(call)
        except CallError as error:
            self._fail(error)
        except BaseException as error:
            raised = call_error(CallFailure("INTERNAL", f"The call failed unexpectedly: {error!r}"))
            raised.__cause__ = error
            self._fail(raised)
        self._tell_end()

    def _fail(self, error: CallError) -> None:
        with self._changed:
            self._error = self._error or error
        self.fail(self._error)

    def _tell_end(self) -> None:
        with self._changed:
            callbacks, self._done_callbacks = self._done_callbacks, []
        for callback in callbacks:
            run_callback(callback, self)

    def cancel(self) -> bool:
        """Cancels the waiting; of a job also the job, where the metadata `sealwire-cancel-on-abandon` say so."""
        with self._changed:
            if self._code is not None:
                return False
            has_begun = self._call is not None
            if not has_begun and self._error is None:
                self._error = call_error(Abandoned("The caller cancelled the call."))
        self._driver.cancel()
        if not has_begun and self._error is not None:
            self.fail(self._error)
            self._tell_end()
        return True

    def cancelled(self) -> bool:
        return self._code is grpc.StatusCode.CANCELLED

    def running(self) -> bool:
        return self._code is None

    def done(self) -> bool:
        return self._code is not None

    def result(self, timeout: float | None = None) -> Any:
        """Waits for the response. Raises CallError, or grpc.FutureTimeoutError after `timeout` seconds."""
        self._wait_for_end(timeout)
        if self._error is not None:
            if self.cancelled():
                raise grpc.FutureCancelledError()
            raise self._error
        return self._result

    def exception(self, timeout: float | None = None) -> Exception | None:
        self._wait_for_end(timeout)
        if self.cancelled():
            raise grpc.FutureCancelledError()
        return self._error

    def traceback(self, timeout: float | None = None) -> Any:
        self._wait_for_end(timeout)
        return None if self._error is None else self._error.__traceback__

    def add_done_callback(self, fn: Callable[[Any], Any]) -> None:
        with self._changed:
            if self._code is None:
                self._done_callbacks.append(fn)
                return
        fn(self)

    def _wait_for_end(self, timeout: float | None) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._code is not None, timeout):
                raise grpc.FutureTimeoutError()
