"""The gRPC channels of one client, and the threads that it has started."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import grpc

from sealwire._core.deadline import Deadline, TimeIsUp
from sealwire._core.failure import CallFailure
from sealwire._core.native import NativeCall
from sealwire._core.operations import cancel_abandoned, fetch_contract
from sealwire._core.outcome import NO_CONNECTION, NOT_CONNECTED
from sealwire._core.session import Session
from sealwire._core.settings import Settings, channel_credentials, channel_options
from sealwire._core.wire import CALL, HEALTH, WATCH_JOB
from sealwire._sync.driver import Driver
from sealwire._sync.watchdog import Watchdog
from sealwire.status import Abandoned

T = TypeVar("T")

# How long a channel that is closed waits for jobs that are being cancelled.
_CLOSE_WAIT = 5.0
# How long a call that asks why there is no connection may take.
_PROBE = 1.0
# How often a thread that waits for a connection looks whether it is to go on.
_STEP = 0.1
_STATES = {state.value[0]: state for state in grpc.ChannelConnectivity}
_logger = logging.getLogger("sealwire")


class Connection:
    """Sends what operations ask for."""

    def __init__(self, settings: Settings) -> None:
        self.session = Session(settings)
        self.channels = [_open(settings, target) for target in settings.targets]
        self.calls: list[Any] = [channel.unary_unary(CALL) for channel in self.channels]
        self.watches: list[Any] = [channel.unary_stream(WATCH_JOB) for channel in self.channels]
        self.watchdog = Watchdog()
        self.is_closed = False
        # The collector may drop a stream, which cancels its job, while this thread holds the lock.
        self._lock = threading.RLock()
        self._fetching = threading.Lock()
        self._fetches = 0
        self._fetch_failure: CallFailure | None = None
        self._refreshing = threading.Lock()
        self._pauses: set[threading.Event] = set()
        self._threads: set[threading.Thread] = set()

    def run(self, steps: Generator[Any, Any, T]) -> T:
        """Carries out an operation that emits nothing. Raises CallFailure."""
        return Driver(self).run(steps)

    def know_contract(self, is_known: Callable[[], bool], timeout: float | None) -> None:
        """Fetches the contract unless it is recent. A known part of it is refreshed in the background."""
        contracts = self.session.contracts
        if is_known():
            if contracts.is_stale and self._refreshing.acquire(blocking=False):
                threading.Thread(target=self._refresh, name="sealwire-contract", daemon=True).start()
            return
        deadline = Deadline(
            timeout, lambda: "The contract of the server did not come in time; the call has not begun.", is_callers=True
        )
        left = deadline.remaining()
        fetches = self._fetches
        # Concurrent callers share one fetch, and its failure.
        if not self._fetching.acquire(timeout=-1 if left is None else left):
            raise deadline.failure()
        try:
            if is_known() or contracts.is_recent:
                return
            if self._fetches != fetches and self._fetch_failure is not None:
                raise self._fetch_failure
            self._fetch(deadline)
        finally:
            self._fetching.release()

    def _fetch(self, deadline: Deadline) -> None:
        self._fetch_failure = None
        try:
            self.run(fetch_contract(self.session, deadline.remaining()))
        except CallFailure as failure:
            # The time-out of one caller says nothing about the others.
            if not (isinstance(failure, TimeIsUp) and failure.is_callers):
                self._fetch_failure = failure
            raise
        finally:
            self._fetches += 1

    def _refresh(self) -> None:
        try:
            self.run(fetch_contract(self.session, None))
        except CallFailure as failure:
            _logger.warning("the contract of the server could not be fetched: %s", failure)
        finally:
            self._refreshing.release()

    def cancel_job_of(self, call: NativeCall) -> None:
        """Cancels the job of an abandoned call, in the background."""

        def cancel() -> None:
            try:
                self.run(cancel_abandoned(self.session, call))
            except CallFailure as failure:
                _logger.warning("the job of an abandoned call could not be cancelled: %s", failure)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=cancel, name="sealwire-cancel", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def pause(self, event: threading.Event, seconds: float) -> None:
        """Waits until the time is over, the event is set or the connection is closed."""
        with self._lock:
            if self.is_closed:
                raise closed()
            self._pauses.add(event)
        try:
            event.wait(seconds)
        finally:
            with self._lock:
                self._pauses.discard(event)
        if self.is_closed:
            raise closed()

    def is_connected(self, server: int) -> bool:
        """True if there is a connection to a server, as far as that is known."""
        try:
            return self._state(server) is grpc.ChannelConnectivity.READY
        except ValueError:  # The channel is closed, which the call will find, too.
            return False

    def connect(self, server: int, timeout: float | None, wake: threading.Event | None) -> bool:
        """False if there is no connection and none can be made in time, so that a call is not sent. Once it was given
        to gRPC, nobody can tell: a peer may say the same as gRPC, and be gone then. Returns early once `wake` is set.
        """
        until = None if timeout is None else time.monotonic() + timeout
        state = self._state(server, try_to_connect=True)
        while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
            left = _STEP if until is None else min(_STEP, until - time.monotonic())
            if left <= 0 or (wake is not None and wake.is_set()):
                return False
            self._inner(server).watch_connectivity_state(state.value[0], time.time() + left)
            state = self._state(server, try_to_connect=True)
        return state is not grpc.ChannelConnectivity.TRANSIENT_FAILURE

    def _state(self, server: int, *, try_to_connect: bool = False) -> grpc.ChannelConnectivity | None:
        """The connectivity to a server; None if this version of gRPC does not tell it."""
        inner = self._inner(server)
        return None if inner is None else _STATES[inner.check_connectivity_state(try_to_connect)]

    def _inner(self, server: int) -> Any:
        """The public API tells the connectivity by threads only, which fail when a channel is closed."""
        return getattr(self.channels[server], "_channel", None)

    def why_down(self, server: int) -> str:
        """What gRPC says about a server to which no connection can be made."""
        if not self.is_down(server):
            return NOT_CONNECTED
        try:
            probe: Any = self.channels[server].unary_unary(HEALTH)
            probe(b"", timeout=_PROBE)
        except grpc.RpcError as error:
            told: Any = error
            if NO_CONNECTION.match(told.details() or ""):
                return str(told.details())
        return NOT_CONNECTED

    def is_down(self, server: int) -> bool:
        """True if there is no connection to a server, and none could be made lately."""
        return self._state(server) is grpc.ChannelConnectivity.TRANSIENT_FAILURE

    def close(self) -> None:
        """Ends all calls. Waits a moment for jobs that are being cancelled."""
        until = time.monotonic() + _CLOSE_WAIT
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            self.is_closed = True
            pauses = list(self._pauses)
        for event in pauses:
            event.set()
        for channel in self.channels:
            channel.close()


def closed() -> Abandoned:
    """The failure of a call on a closed channel."""
    failure = Abandoned("The channel is closed.")
    failure.has_not_begun = True
    return failure


def _open(settings: Settings, target: str) -> grpc.Channel:
    options = channel_options(settings, target)
    if settings.tls is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, channel_credentials(settings.tls), options)
