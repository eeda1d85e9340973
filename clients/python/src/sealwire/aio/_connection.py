"""The gRPC channels of one client, and the tasks that it has started."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

import grpc
import grpc.aio

from sealwire._core.deadline import Deadline
from sealwire._core.failure import CallFailure
from sealwire._core.native import NativeCall
from sealwire._core.operations import cancel_abandoned, fetch_contract
from sealwire._core.outcome import NO_CONNECTION, NOT_CONNECTED
from sealwire._core.session import Session
from sealwire._core.settings import Settings, channel_credentials, channel_options
from sealwire._core.wire import CALL, HEALTH, WATCH_JOB
from sealwire.aio._driver import Driver
from sealwire.status import Abandoned

T = TypeVar("T")

# How long a channel that is closed waits for jobs that are being cancelled.
_CLOSE_WAIT = 5.0
# How long a call that asks why there is no connection may take.
_PROBE = 1.0
_logger = logging.getLogger("sealwire")


class Connection:
    """Sends what operations ask for."""

    def __init__(self, settings: Settings) -> None:
        self.session = Session(settings)
        self.channels = [_open(settings, target) for target in settings.targets]
        self.calls: list[Any] = [channel.unary_unary(CALL) for channel in self.channels]
        self.watches: list[Any] = [channel.unary_stream(WATCH_JOB) for channel in self.channels]
        self.is_closed = False
        self._fetching: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[Any]] = set()
        self._background: set[asyncio.Task[Any]] = set()

    async def run(self, steps: Generator[Any, Any, T]) -> T:
        """Carries out an operation that emits nothing. Raises CallFailure."""
        return await Driver(self).run(steps)

    async def know_contract(self, is_known: Callable[[], bool], timeout: float | None) -> None:
        """Fetches the contract unless it is recent. A known part of it is refreshed in the background."""
        contracts = self.session.contracts
        if is_known():
            if contracts.is_stale:
                self._fetch()
            return
        if contracts.is_recent:
            return
        deadline = Deadline(
            timeout, lambda: "The contract of the server did not come in time; the call has not begun.", is_callers=True
        )
        # Concurrent callers share one fetch.
        fetching = self._fetch()
        await asyncio.wait((fetching,), timeout=deadline.remaining())
        if not fetching.done():
            raise deadline.failure()
        if fetching.cancelled():
            raise Abandoned("The channel is closed.")
        fetching.result()

    def _fetch(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._fetching = asyncio.get_running_loop().create_task(self.run(fetch_contract(self.session, None)))
            self._fetching.add_done_callback(self._fetched)
            self._background.add(self._fetching)
        return self._fetching

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _logger.warning("the contract of the server could not be fetched: %s", task.exception())

    def cancel_job_of(self, call: NativeCall) -> None:
        """Cancels the job of an abandoned call, in the background."""

        async def cancel() -> None:
            try:
                await self.run(cancel_abandoned(self.session, call))
            except CallFailure as failure:
                _logger.warning("the job of an abandoned call could not be cancelled: %s", failure)

        if not self.is_closed:
            task = asyncio.get_running_loop().create_task(cancel())
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs a call as a task until it ends or the connection is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return task

    async def connect(self, server: int, timeout: float | None) -> bool:
        """False if there is no connection and none can be made in time, so that a call is not sent. Once it was given
        to gRPC, nobody can tell: a peer may say the same as gRPC, and be gone then."""
        channel = self.channels[server]
        state = channel.get_state(try_to_connect=True)
        if state is grpc.ChannelConnectivity.READY:
            return True
        try:
            async with asyncio.timeout(timeout):
                while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
                    await channel.wait_for_state_change(state)
                    state = channel.get_state(try_to_connect=True)
        except TimeoutError:
            return False
        return state is not grpc.ChannelConnectivity.TRANSIENT_FAILURE

    async def why_down(self, server: int) -> str:
        """What gRPC says about a server to which no connection can be made."""
        if not self.is_down(server):
            return NOT_CONNECTED
        try:
            probe: Any = self.channels[server].unary_unary(HEALTH)
            await probe(b"", timeout=_PROBE)
        except grpc.aio.AioRpcError as error:
            details = error.details() or ""
            if NO_CONNECTION.match(details):
                return details
        return NOT_CONNECTED

    def is_down(self, server: int) -> bool:
        """True if there is no connection to a server, and none could be made lately."""
        return self.channels[server].get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE

    async def close(self, grace: float | None) -> None:
        """Ends all calls after `grace` seconds. Waits a moment for jobs that are being cancelled."""
        if self._calls and grace:
            await asyncio.wait(self._calls, timeout=grace)
        for task in list(self._calls):
            task.cancel()
        if self._calls:
            await asyncio.wait(self._calls)
        if self._fetching is not None:
            self._fetching.cancel()
        if self._background:
            await asyncio.wait(self._background, timeout=_CLOSE_WAIT)
        self.is_closed = True
        for task in list(self._background):
            task.cancel()
        for channel in self.channels:
            await channel.close(None)


def _open(settings: Settings, target: str) -> grpc.aio.Channel:
    options = channel_options(settings, target)
    if settings.tls is None:
        return grpc.aio.insecure_channel(target, options)
    return grpc.aio.secure_channel(target, channel_credentials(settings.tls), options)
