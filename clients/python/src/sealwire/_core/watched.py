"""What a watch follows. Each keeps its position, so that the next stream resumes there."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from sealwire._core.failure import CallFailure, invalid_response
from sealwire._core.job_answer import TERMINAL, check_succession, decode, read_job_answer
from sealwire.system.v1.watch_job_pb2 import WatchJobRequest, WatchJobResponse
from sealwire.system.v1.watch_jobs_pb2 import WatchJobsRequest, WatchJobsResponse
from sealwire.v1.job_pb2 import Job, JobState
from sealwire.v1.response_pb2 import Response, Status

T = TypeVar("T")

_SYSTEM = "sealwire.system.v1."
_HEARTBEAT_MOST_MS = 60_000


@dataclass(slots=True)
class Update(Generic[T]):
    """The content of one verified message."""

    items: list[T]
    is_news: bool
    """False for a heartbeat."""
    is_over: bool = False
    """True if this is the last message."""


class Watched(Protocol[T]):
    """The target of a watch."""

    tool: str
    request_type: str
    result_type: str
    is_known: bool
    """True if the server has confirmed the target before the watch."""

    def request(self, was_cut_off: bool) -> bytes:
        """The request for the next stream. `was_cut_off`: the one before ended with OK, but too early."""

    def read(self, response: Response) -> "Update[T]":
        """Reads a verified message. Raises CallFailure if it contradicts an earlier one."""


class WatchedJob:
    """One job until its end. Its items are the answers with a newer revision."""

    tool = "watch_job"
    request_type = _SYSTEM + "WatchJobRequest"
    result_type = _SYSTEM + "WatchJobResponse"

    def __init__(self, job_id: str, heartbeat_ms: int, *, after_revision: int = 0, is_known: bool = False) -> None:
        self.is_known = is_known
        self.latest: Job | None = None
        self.output: AnyMessage | None = None
        self._job_id = job_id
        self._heartbeat_ms = heartbeat_ms
        self._after_revision = self._given = after_revision

    def request(self, was_cut_off: bool) -> bytes:
        # A stream that was cut off may have missed the terminal state: asks for the state again.
        after = max(0, self._given - 1) if was_cut_off else self._given
        return WatchJobRequest(
            job_id=self._job_id, after_revision=after, heartbeat_interval_ms=self._heartbeat_ms
        ).SerializeToString()

    def read(self, response: Response) -> Update[WatchJobResponse]:
        answer = read_job_answer(WatchJobResponse, self.tool, self._job_id, response)
        job = answer.job
        check_succession(self.latest, job)
        if job.revision < self._after_revision:
            raise invalid_response(f"Job {job.job_id} is at revision {job.revision}, below {self._after_revision}.")
        is_news = self.latest is None or job.revision > self.latest.revision
        is_over = job.state in TERMINAL
        is_given = job.revision > self._given or is_over
        self.latest = job
        if answer.HasField("output"):
            self.output = answer.output
        if is_given:
            self._given = job.revision
        return Update([answer] if is_given else [], is_news, is_over)


class FollowedJob(WatchedJob):
    """One job until its end. Its items are the messages with progress of a streaming job method.

    `field`: the number of the field that has the progress; None if the method is not streaming.
    """

    def __init__(self, job_id: str, heartbeat_ms: int, field: int | None) -> None:
        super().__init__(job_id, heartbeat_ms, is_known=True)
        self._field = field
        self._sent = b""

    def read(self, response: Response) -> Update[Any]:
        update = super().read(response)
        items: list[bytes] = []
        for answer in update.items:
            job = answer.job
            if self._field is None or job.state != JobState.JOB_STATE_RUNNING or not job.HasField("progress"):
                continue
            progress = job.progress.SerializeToString()
            if progress != self._sent:
                self._sent = progress
                items.append(_message_with(self._field, progress))
        return Update(items, update.is_news, update.is_over)


class WatchedJobs:
    """All jobs of the client. Its items are the jobs that have a newer revision."""

    tool = "watch_jobs"
    request_type = _SYSTEM + "WatchJobsRequest"
    result_type = _SYSTEM + "WatchJobsResponse"
    is_known = False

    def __init__(self, tool: str, heartbeat_ms: int, ended_since: Timestamp | None = None) -> None:
        self._tool = tool
        self._heartbeat_ms = heartbeat_ms
        self._since = ended_since
        self._resume: Timestamp | None = None
        # The open jobs, and the ended ones that the next stream may send again.
        self._known: dict[str, Job] = {}

    def request(self, was_cut_off: bool) -> bytes:
        return WatchJobsRequest(
            tool=self._tool, ended_since=self._resume or self._since, heartbeat_interval_ms=self._heartbeat_ms
        ).SerializeToString()

    def read(self, response: Response) -> Update[Job]:
        if response.status != Status.STATUS_OK or not response.HasField("result"):
            raise invalid_response(f"A message of watch_jobs has the status {response.status}, or no result.")
        message = decode(WatchJobsResponse, response.result.value)
        if not message.HasField("resume_time"):
            raise invalid_response("A message of watch_jobs does not say where to resume.")
        items = [job for job in message.jobs if self._is_newer(job)]
        self._resume_from(message.resume_time)
        return Update(items, bool(items))

    def _is_newer(self, job: Job) -> bool:
        if self._tool and job.tool != self._tool:
            raise invalid_response(f"Asked for jobs of {self._tool}, watch_jobs gives {job.job_id} of {job.tool}.")
        known = self._known.get(job.job_id)
        check_succession(known, job)
        self._known[job.job_id] = job
        return known is None or job.revision > known.revision

    def _resume_from(self, time: Timestamp) -> None:
        """Sets the time from which the next stream resumes, and forgets jobs that ended before."""
        if self._resume is not None and _order(time) <= _order(self._resume):
            return
        self._resume = time
        limit = _order(time)
        over = [key for key, job in self._known.items() if job.state in TERMINAL and _order(job.end_time) < limit]
        for key in over:
            del self._known[key]


def _order(time: Timestamp) -> tuple[int, int]:
    """Orders times, also those that are not valid, which protobuf does not convert."""
    return time.seconds, time.nanos


class EncodedWatch:
    """A watch by an encoded request, which the first stream sends unchanged. Its items are the encoded messages; a
    stream that was resumed may repeat a state."""

    is_known = False

    def __init__(self, tool: str, args: bytes, heartbeat_ms: int) -> None:
        self.tool = tool
        self._first: bytes | None = args
        self._target: WatchedJob | WatchedJobs
        requested: WatchJobRequest | WatchJobsRequest
        if tool == "watch_job":
            requested = _decode_request(WatchJobRequest, tool, args)
            after = max(0, requested.after_revision)
            self._target = WatchedJob(requested.job_id, heartbeat_ms, after_revision=after)
        else:
            requested = _decode_request(WatchJobsRequest, tool, args)
            since = requested.ended_since if requested.HasField("ended_since") else None
            self._target = WatchedJobs(requested.tool, heartbeat_ms, since)
        self.request_type = self._target.request_type
        self.result_type = self._target.result_type
        # Heartbeats that are too rare for this client: it asks for its own.
        if heartbeat_ms < requested.heartbeat_interval_ms <= _HEARTBEAT_MOST_MS:
            self._first = None

    def request(self, was_cut_off: bool) -> bytes:
        first, self._first = self._first, None
        return self._target.request(was_cut_off) if first is None else first

    def read(self, response: Response) -> Update[bytes]:
        update = self._target.read(response)
        items = [response.result.value] if response.HasField("result") else []
        return Update(items, update.is_news, update.is_over)


M = TypeVar("M", bound=Message)


def _decode_request(kind: type[M], tool: str, args: bytes) -> M:
    try:
        return kind.FromString(args)
    except DecodeError as error:
        raise CallFailure(
            "ARGS_INVALID", f"The request of {tool} does not decode; encode it by its contract."
        ) from error


def _message_with(number: int, content: bytes) -> bytes:
    """A message that has only this field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
