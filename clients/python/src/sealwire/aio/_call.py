"""Calls of a stub, as gRPC's asyncio API shows them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import grpc
import grpc.aio

from sealwire._core.deadline import TimeIsUp
from sealwire._core.failure import CallFailure, invalid_response
from sealwire._core.intent import Pairs, answer_metadata
from sealwire._core.metadata import Metadata
from sealwire._core.native import NativeCall, stream_call, unary_call
from sealwire.aio._bases import UnaryStreamCall, UnaryUnaryCall
from sealwire.aio._driver import Driver
from sealwire.aio._handoff import Handoff
from sealwire.aio._stub_method import StubMethod
from sealwire.status import Abandoned, CallError, call_error


class CallState:
    """What is known of one call: ids as soon as they are, the status at the end. Its task knows no more than this, so
    that a call which its user drops can be ended."""

    def __init__(self, method: StubMethod, timeout: float | None) -> None:
        self.method = method
        self.ends_at = None if timeout is None else time.monotonic() + timeout
        self.call: NativeCall | None = None
        self.initial: Pairs | None = None
        self.error: CallError | None = None
        self.code: grpc.StatusCode | None = None
        self.messages = Handoff()
        self._waiters: list[asyncio.Future[None]] = []

    async def answer(self, request: Any, timeout: float | None, metadata: Any) -> Any:
        """Carries out a unary call. Returns the response; None if the call failed."""
        method = self.method
        try:
            self.call = call = await method.prepare(request, timeout, metadata)
            output = await Driver(method.connection, self._started).run(unary_call(method.connection.session, call))
            response = _decode(method, output)
            self.code = grpc.StatusCode.OK
            return response
        except BaseException as raised:
            self._fail(raised)
        finally:
            self._wake()
        return None

    async def pump(self, request: Any, timeout: float | None, metadata: Any) -> None:
        """Carries out a call with a stream of answers."""
        method = self.method
        try:
            self.call = call = await method.prepare(request, timeout, metadata)
            if not call.method.is_job:
                self._started(None)
            messages = Driver(method.connection, self._started).iterate(stream_call(method.connection.session, call))
            try:
                async for message in messages:
                    await self.messages.put(_decode(method, message))
            finally:
                await messages.aclose()
            self.code = grpc.StatusCode.OK
        except BaseException as raised:
            self._fail(raised)
        finally:
            self._wake()
            self.messages.end()

    def _started(self, job_id: str | None) -> None:
        assert self.call is not None
        self.initial = answer_metadata(self.call.intent.request_id, job_id)
        self._wake()

    def _fail(self, raised: BaseException) -> None:
        """Keeps the error. A call that was left may have a job to cancel. Raises what is no error of the call."""
        call = self.call
        is_cancelled = isinstance(raised, asyncio.CancelledError)
        if is_cancelled:
            raised = Abandoned("The caller cancelled the call.")
        is_left = isinstance(raised, TimeIsUp | Abandoned)
        if is_left and call is not None and call.intent.cancel_on_abandon and call.method.is_job:
            self.method.connection.cancel_job_of(call)
        if isinstance(raised, CallError):
            self.error = raised
        else:
            failure = raised
            if not isinstance(failure, CallFailure):
                failure = CallFailure("INTERNAL", f"The call failed unexpectedly: {raised!r}")
            self.error = call_error(failure, call)
            self.error.__cause__ = raised.__cause__ if isinstance(raised, CallFailure) else raised
        self.code = self.error.code()
        if is_cancelled:
            raise asyncio.CancelledError

    def has_ended(self, _task: asyncio.Task[Any]) -> None:
        """Called when the task is over. One that was cancelled before it began has done nothing of its own."""
        if self.code is None:
            self.code = grpc.StatusCode.CANCELLED
            self._wake()
            self.messages.end()

    def ids(self) -> Pairs:
        call = self.call
        return answer_metadata(call.intent.request_id, call.job_id) if call is not None else ()

    async def until(self, is_there: Callable[[], bool]) -> None:
        while not is_there():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def _decode(method: StubMethod, output: bytes) -> Any:
    try:
        return method.decode(output)
    except Exception as error:
        raise invalid_response(f"The answer cannot be decoded: {error}") from error


class _Call(grpc.aio.Call):
    """What both kinds of calls have in common."""

    _state: CallState
    _task: asyncio.Task[Any]

    def cancelled(self) -> bool:
        return self._state.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._state.code is not None

    def time_remaining(self) -> float | None:
        ends_at = self._state.ends_at
        return None if ends_at is None else max(0.0, ends_at - time.monotonic())

    def cancel(self) -> bool:
        """Cancels the waiting; of a job also the job, where the metadata `sealwire-cancel-on-abandon` say so."""
        return self._state.code is None and self._task.cancel()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._task.add_done_callback(lambda _task: callback(self))

    async def initial_metadata(self) -> Metadata:
        """The ids of the call. Waits until they are known: of a job, until the server has signed that it is
        accepted."""
        state = self._state
        await state.until(lambda: state.initial is not None or state.code is not None)
        return Metadata(*(state.initial if state.initial is not None else state.ids()))

    async def trailing_metadata(self) -> Metadata:
        """The ids again, and the details of the status. Waits until the call is over."""
        await self._until_done()
        error = self._state.error
        return Metadata(*self._state.ids()) if error is None else Metadata(*error.trailing_metadata())

    async def code(self) -> grpc.StatusCode:
        """The status. Waits until the call is over."""
        await self._until_done()
        assert self._state.code is not None
        return self._state.code

    async def details(self) -> str:
        await self._until_done()
        error = self._state.error
        return "" if error is None else error.details() or ""

    async def wait_for_connection(self) -> None:
        """Waits until the call has been answered by a server, or has failed."""
        await self.initial_metadata()

    async def _until_done(self) -> None:
        state = self._state
        await state.until(lambda: state.code is not None)


class UnaryCall(_Call, UnaryUnaryCall):
    """A call that has one answer: await it."""

    def __init__(self, method: StubMethod, request: Any, timeout: float | None, metadata: Any) -> None:
        self._state = CallState(method, timeout)
        self._task = method.connection.start(self._state.answer(request, timeout, metadata))
        self._task.add_done_callback(self._state.has_ended)

    def __await__(self) -> Generator[Any, None, Any]:
        response = yield from self._task.__await__()
        error = self._state.error
        if error is not None:
            raise error
        return response


class StreamCall(_Call, UnaryStreamCall):
    """A call that has a stream of answers: iterate over it. A call that is dropped is cancelled."""

    def __init__(self, method: StubMethod, request: Any, timeout: float | None, metadata: Any) -> None:
        self._state = CallState(method, timeout)
        self._task = method.connection.start(self._state.pump(request, timeout, metadata))
        self._task.add_done_callback(self._state.has_ended)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not grpc.aio.EOF:
            yield message

    async def read(self) -> Any:
        """The next message; `grpc.aio.EOF` after the last one. Raises CallError."""
        message = await self._state.messages.get()
        if message is grpc.aio.EOF:
            if self._state.code is grpc.StatusCode.CANCELLED and self._task.cancelled():
                raise asyncio.CancelledError
            if self._state.error is not None:
                raise self._state.error
        return message

    def __del__(self) -> None:
        task = getattr(self, "_task", None)
        if task is not None and not task.done():
            task.cancel()
