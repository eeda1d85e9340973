"""Reads verified answers about jobs, and checks that they do not contradict each other (docs/protocol.md, Jobs)."""

from typing import Protocol, TypeVar

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message

from sealwire._core.failure import CallFailure, invalid_response
from sealwire.v1.job_pb2 import Job, JobState
from sealwire.v1.response_pb2 import Response, Status

M = TypeVar("M", bound=Message)

TERMINAL = frozenset({JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED})

_STATUS_OF_STATE = {
    JobState.JOB_STATE_QUEUED: Status.STATUS_ACCEPTED,
    JobState.JOB_STATE_RUNNING: Status.STATUS_RUNNING,
    JobState.JOB_STATE_SUCCEEDED: Status.STATUS_DONE,
    JobState.JOB_STATE_FAILED: Status.STATUS_ERROR,
    JobState.JOB_STATE_CANCELLED: Status.STATUS_CANCELLED,
}


class JobAnswer(Protocol):
    """The answer of poll_job, watch_job and cancel_job."""

    @property
    def job(self) -> Job: ...
    @property
    def output(self) -> Any: ...


def decode(kind: type[M], value: bytes) -> M:
    """Decodes a verified message. Raises CallFailure RESPONSE_INVALID."""
    try:
        return kind.FromString(value)
    except DecodeError as error:
        raise invalid_response(f"The answer does not decode as {kind.DESCRIPTOR.full_name}.") from error


def state_name(state: int) -> str:
    """The name of a state without its prefix."""
    try:
        return JobState.Name(state).removeprefix("JOB_STATE_")  # type: ignore[arg-type]
    except ValueError:
        return str(state)


def read_job_answer(kind: type[M], tool: str, job_id: str, response: Response) -> M:
    """Reads a verified answer about the job that was asked for."""
    if not response.HasField("result"):
        raise invalid_response(f"The answer of {tool} holds no result.")
    message = decode(kind, response.result.value)
    answer: JobAnswer = message  # type: ignore[assignment]
    job = answer.job
    if job.job_id != job_id:
        raise invalid_response(f"Asked for job {job_id}, {tool} answers about another.")
    if _STATUS_OF_STATE.get(job.state) != response.status:
        raise invalid_response(
            f"The answer's status {response.status} does not fit job {job_id} in state {state_name(job.state)}."
        )
    if (job.state == JobState.JOB_STATE_SUCCEEDED) != message.HasField("output"):
        raise invalid_response(f"Job {job_id} in state {state_name(job.state)} comes with the output of another state.")
    return message


def check_succession(known: Job | None, job: Job) -> None:
    """Raises CallFailure if a state cannot follow the known one."""
    if known is None:
        return
    before, after = state_name(known.state), state_name(job.state)
    if job.revision < known.revision:
        raise invalid_response(f"Job {job.job_id} falls from revision {known.revision} to {job.revision}.")
    if job.revision == known.revision and job.state != known.state:
        raise invalid_response(f"Job {job.job_id} changes from {before} to {after} without a new revision.")
    if job.revision > known.revision and known.state in TERMINAL:
        raise invalid_response(f"Job {job.job_id} goes on to revision {job.revision} after it was {before}.")


def failure_of_job(job: Job) -> CallFailure | None:
    """The failure of a job that has failed or was cancelled; None otherwise."""
    if job.state not in (JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED):
        return None
    if job.HasField("error"):
        return CallFailure.of_error(job.error)
    if job.state == JobState.JOB_STATE_CANCELLED:
        return CallFailure("CANCELLED", f"Job {job.job_id} was cancelled.")
    return CallFailure("INTERNAL", f"Job {job.job_id} failed and the server does not say why.")
