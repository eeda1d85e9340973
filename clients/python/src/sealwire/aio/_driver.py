"""Carries out the effects of one operation with gRPC's asyncio API."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import grpc.aio

from sealwire._core.effects import Emit, Open, Pause, Read, Reply, Send, Started
from sealwire._core.outcome import NO_CONNECTION
from sealwire.status import Abandoned

if TYPE_CHECKING:
    from sealwire.aio._connection import Connection

T = TypeVar("T")
_OK = grpc.StatusCode.OK
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class Driver:
    """The driver of one operation. `on_started` is told the id of a job that was accepted."""

    def __init__(self, connection: "Connection", on_started: Callable[[str], object] | None = None) -> None:
        self._connection = connection
        self._on_started = on_started
        self._stream: Any = None
        self._server = 0

    async def run(self, steps: Generator[Any, Any, T]) -> T:
        """Carries out an operation and returns its result. What it emits is dropped."""
        try:
            effect = next(steps)
            while True:
                effect = steps.send(await self._perform(effect))
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            self._end()

    async def iterate(self, steps: Generator[Any, Any, object]) -> AsyncGenerator[Any, None]:
        """Carries out an operation and yields what it emits."""
        try:
            effect = next(steps)
            while True:
                if effect.__class__ is Emit:
                    yield effect.item
                    effect = steps.send(None)
                else:
                    effect = steps.send(await self._perform(effect))
        except StopIteration:
            return
        finally:
            steps.close()
            self._end()

    def _end(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()

    async def _perform(self, effect: Any) -> Any:
        connection = self._connection
        kind = effect.__class__
        if connection.is_closed:
            raise Abandoned("The channel is closed.")
        try:
            if kind is Send:
                call = connection.calls[effect.server]
                begun_at, timeout = time.monotonic(), effect.timeout
                if not await connection.connect(effect.server, timeout):
                    return Reply(_UNAVAILABLE, None, await connection.why_down(effect.server), (), False)
                if timeout is not None:
                    timeout = max(0.0, timeout - (time.monotonic() - begun_at))
                return Reply(_OK, await call(effect.frame, timeout=timeout, metadata=effect.metadata))
            if kind is Read:
                return await self._read(effect.silence)
            if kind is Open:
                self._end()
                self._server = effect.server
                self._stream = connection.watches[effect.server](effect.frame, timeout=effect.timeout)
                return None
            if kind is Pause:
                await asyncio.sleep(effect.seconds)
        except grpc.aio.AioRpcError as error:
            reply = Reply(error.code(), None, error.details() or "", error.trailing_metadata())
            if kind is Read and NO_CONNECTION.match(reply.details):
                reply.is_from_peer = not connection.is_down(self._server)
            return reply
        except asyncio.CancelledError:
            # gRPC cancels the calls of a channel that is closed, as if their tasks were cancelled.
            task = asyncio.current_task()
            if connection.is_closed and not (task is not None and task.cancelling()):
                raise Abandoned("The channel is closed.") from None
            raise
        except grpc.aio.UsageError as error:
            raise Abandoned("The channel is closed.") from error
        if kind is Started and self._on_started is not None:
            self._on_started(effect.job_id)
        return None

    async def _read(self, silence: float) -> bytes | Reply | None:
        try:
            async with asyncio.timeout(silence):
                message = await self._stream.read()
        except TimeoutError:
            return None
        return message if isinstance(message, bytes) else Reply(_OK)
