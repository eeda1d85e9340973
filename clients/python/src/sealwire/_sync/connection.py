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
from sealwire._core.session import Session
from sealwire._core.settings import Settings, channel_credentials, channel_options
from sealwire._core.wire import CALL, WATCH_JOB
from sealwire._sync.driver import Driver
from sealwire._sync.watchdog import Watchdog
from sealwire.status import Abandoned

T = TypeVar("T")

# How long a channel that is closed waits for jobs that are being cancelled.
_CLOSE_WAIT = 5.0
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

    def is_down(self, server: int) -> bool:
        """True if there is no connection to a server, and none could be made lately."""
        told = threading.Event()
        states: list[grpc.ChannelConnectivity] = []

        def tell(state: grpc.ChannelConnectivity) -> None:
            states.append(state)
            told.set()

        channel = self.channels[server]
        channel.subscribe(tell)
        told.wait(1)
        channel.unsubscribe(tell)
        return states[:1] == [grpc.ChannelConnectivity.TRANSIENT_FAILURE]

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
