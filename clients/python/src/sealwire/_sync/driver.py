"""Carries out the effects of one operation with gRPC's synchronous API."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from sealwire._core.effects import Emit, Open, Pause, Read, Reply, Send, Started
from sealwire._core.outcome import NO_CONNECTION
from sealwire.status import Abandoned

if TYPE_CHECKING:
    from sealwire._sync.connection import Connection

T = TypeVar("T")
_OK = grpc.StatusCode.OK
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class Driver:
    """The driver of one operation.

    `can_cancel`: other threads may call `cancel`. `on_started` is told the id of a job that was accepted.
    """

    def __init__(
        self, connection: "Connection", *, can_cancel: bool = False, on_started: Callable[[str], object] | None = None
    ) -> None:
        self._connection = connection
        self._can_cancel = can_cancel
        self._on_started = on_started
        self._current: Any = None
        self._server = 0
        self._is_cancelled = False
        self._wake: threading.Event | None = threading.Event() if can_cancel else None

    def run(self, steps: Generator[Any, Any, T]) -> T:
        """Carries out an operation and returns its result. What it emits is dropped."""
        try:
            effect = next(steps)
            while True:
                effect = steps.send(self._perform(effect))
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            if self._current is not None:
                self._end()

    def iterate(self, steps: Generator[Any, Any, object]) -> Iterator[Any]:
        """Begins an operation and returns an iterator of what it emits, which carries it on. Raises CallFailure."""
        effect = next(steps)
        if effect.__class__ is Open:
            effect = steps.send(self._perform(effect))
        elif effect.__class__ is Send and self._connection.is_connected(effect.server):
            self._begin(effect)
        return self._go_on(steps, effect)

    def _go_on(self, steps: Generator[Any, Any, object], effect: Any) -> Iterator[Any]:
        try:
            while True:
                if effect.__class__ is Emit:
                    yield effect.item
                    effect = steps.send(None)
                else:
                    effect = steps.send(self._perform(effect))
        except StopIteration:
            return
        finally:
            steps.close()
            self._end()

    def cancel(self) -> None:
        """Ends the operation: it raises Abandoned in the thread that carries it out."""
        self._is_cancelled = True
        if self._wake is not None:
            self._wake.set()
        self._end()

    def _end(self) -> None:
        """Cancels what is under way."""
        current = self._current
        if current is not None:
            current.cancel()

    def _perform(self, effect: Any) -> Any:
        if self._is_cancelled:
            raise Abandoned("The caller cancelled the call.")
        kind = effect.__class__
        try:
            if kind is Send:
                return self._send(effect)
            if kind is Read:
                return self._read(effect.silence)
            if kind is Open:
                return self._open(effect)
        except ValueError as error:
            if not self._connection.is_closed:
                raise
            raise Abandoned("The channel is closed.") from error
        if kind is Pause:
            self._connection.pause(self._wake or threading.Event(), effect.seconds)
        elif kind is Started and self._on_started is not None:
            self._on_started(effect.job_id)
        if self._is_cancelled:
            raise Abandoned("The caller cancelled the call.")
        return None

    def _send(self, send: Send) -> Reply:
        call = self._connection.calls[send.server]
        if self._current is None and not self._connection.is_connected(send.server):
            begun_at = time.monotonic()
            if not self._connection.connect(send.server, send.timeout, self._wake):
                return self._unsent(send.server)
            if send.timeout is not None:
                send.timeout = max(0.0, send.timeout - (time.monotonic() - begun_at))
        try:
            if not self._can_cancel:
                return Reply(_OK, call(send.frame, timeout=send.timeout, metadata=send.metadata))
            if self._current is None:
                self._begin(send)
            return Reply(_OK, self._current.result())
        except grpc.RpcError as error:
            return self._reply(error)
        except grpc.FutureCancelledError:
            return self._reply(self._current)
        finally:
            self._current = None

    def _unsent(self, server: int) -> Reply:
        if self._is_cancelled:
            raise Abandoned("The caller cancelled the call.")
        return Reply(_UNAVAILABLE, None, self._connection.why_down(server), (), False)

    def _begin(self, send: Send) -> None:
        call = self._connection.calls[send.server]
        self._current = future = call.future(send.frame, timeout=send.timeout, metadata=send.metadata)
        if self._is_cancelled:
            future.cancel()

    def _open(self, effect: Open) -> None:
        self._end()
        stream = self._connection.watches[effect.server](effect.frame, timeout=effect.timeout)
        self._current = stream
        self._server = effect.server
        if self._is_cancelled:
            stream.cancel()

    def _read(self, silence: float) -> bytes | Reply | None:
        stream, watchdog = self._current, self._connection.watchdog
        watchdog.begin(stream, silence, stream.cancel)
        end: Any = None
        try:
            message: bytes = next(stream)
            return message
        except StopIteration:
            return Reply(_OK)
        except grpc.RpcError as error:
            end = error
        finally:
            in_time = watchdog.end(stream)
        if not in_time:
            return None
        reply = self._reply(end)
        reply.is_from_peer = NO_CONNECTION.match(reply.details) is None or not self._connection.is_down(self._server)
        return reply

    def _reply(self, error: Any) -> Reply:
        """The status of a call that failed. Of a cancelled operation nothing more is wanted."""
        if self._is_cancelled:
            raise Abandoned("The caller cancelled the call.")
        if self._connection.is_closed:
            raise Abandoned("The channel is closed.")
        return Reply(error.code(), None, error.details() or "", error.trailing_metadata())
