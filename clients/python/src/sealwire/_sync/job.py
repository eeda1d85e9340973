"""One job, identified by its id."""

from collections.abc import Generator
from typing import Any, TypeVar

from google.protobuf.message import Message

from sealwire._core import operations
from sealwire._core.deadline import Deadline
from sealwire._core.failure import CallFailure
from sealwire._core.intent import CallIntent
from sealwire._core.native import NativeCall
from sealwire._core.watch import watch
from sealwire._core.watched import WatchedJob
from sealwire._sync.connection import Connection
from sealwire._sync.driver import Driver
from sealwire._sync.watch import Watch
from sealwire.status import call_error
from sealwire.v1.job_pb2 import Job

T = TypeVar("T")
M = TypeVar("M", bound=Message)


class JobHandle:
    """One job. A handle has no state on the server: drop it, and make another from the id, also in another process.

    Every method raises `CallError`, with JOB_NOT_FOUND if this client has no such job or it was removed.
    """

    def __init__(self, connection: Connection, job_id: str, request_id: str = "", job: Job | None = None) -> None:
        self.job_id = job_id
        self.request_id = request_id
        """Names the intent that started the job; empty if the handle was made from the id."""
        self.latest = job
        """The newest state that this handle has received; None before the first."""
        self._connection = connection
        self._session = connection.session

    def state(self, *, wait: float = 0.0, after_revision: int = 0, timeout: float | None = None) -> Job:
        """Asks for the state. With `wait` (seconds, at most 45): when its revision is above `after_revision`, it has
        ended, or the time is over."""
        steps = operations.poll_job(
            self._session, self.job_id, wait=wait, after_revision=after_revision, timeout=timeout
        )
        return self._note(carry_out(self._connection, steps).job)

    def watch(self, *, after_revision: int = 0, timeout: float | None = None) -> Watch[Job]:
        """Gives the current state, then each newer one (some may be skipped), and ends after the terminal one. Goes on
        over restarts of the server. Only states above `after_revision` come, and the terminal one."""
        watched = WatchedJob(
            self.job_id,
            self._session.settings.heartbeat_ms,
            after_revision=after_revision,
            is_known=self.latest is not None,
        )
        steps = watch(self._session, watched, self._deadline(timeout))
        return Watch(self._connection, steps, lambda answer: self._note(answer.job))

    def result(self, response_type: type[M], *, timeout: float | None = None) -> M:
        """Waits for the end of the job and returns its output. Raises `CallError` with the job's own error if it
        failed or was cancelled."""
        method = operations.waiting_method(response_type)
        call = NativeCall(method, CallIntent(self.request_id), b"", None, job_id=self.job_id)
        steps = operations.job_result(self._session, call, response_type, self._deadline(timeout))
        return carry_out(self._connection, steps, call)

    def cancel(self, *, timeout: float | None = None) -> Job:
        """Asks the job to stop; asking again changes nothing. Returns its state: a queued job is cancelled at once, a
        running one soon, one that has ended stays as it is."""
        return self._note(carry_out(self._connection, operations.cancel_job(self._session, self.job_id, timeout)).job)

    def _deadline(self, timeout: float | None) -> Deadline:
        message = f"Job {self.job_id} did not end within {timeout or 0:g} s; it goes on."
        return Deadline(timeout, lambda: message, is_callers=True)

    def _note(self, job: Job) -> Job:
        if self.latest is None or job.revision >= self.latest.revision:
            self.latest = job
        return job


def carry_out(connection: Connection, steps: Generator[Any, Any, T], call: NativeCall | None = None) -> T:
    """Carries out an operation. Raises CallError."""
    try:
        return Driver(connection).run(steps)
    except CallFailure as failure:
        raise call_error(failure, call) from failure.__cause__
