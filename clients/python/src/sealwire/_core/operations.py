"""The operations behind clients and job handles."""

import dataclasses
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

from google.protobuf.message import Message

from sealwire._core.call import call_deadline, call_tool, new_request_id, result_of
from sealwire._core.contract import ToolMethod
from sealwire._core.deadline import Deadline
from sealwire._core.failure import CallFailure, error_of_response, invalid_response
from sealwire._core.job_answer import decode, read_job_answer
from sealwire._core.native import NativeCall, follow_job
from sealwire._core.session import Session
from sealwire._core.signer import Intent
from sealwire.system.v1.cancel_job_pb2 import CancelJobRequest, CancelJobResponse
from sealwire.system.v1.list_jobs_pb2 import ListJobsRequest, ListJobsResponse
from sealwire.system.v1.list_tools_pb2 import ListToolsRequest, ListToolsResponse
from sealwire.system.v1.poll_job_pb2 import PollJobRequest, PollJobResponse
from sealwire.system.v1.server_identity_pb2 import ServerIdentityRequest, ServerIdentityResponse
from sealwire.v1.job_pb2 import Job, JobState
from sealwire.v1.response_pb2 import Response

M = TypeVar("M", bound=Message)
Steps = Generator[Any, Any, M]


def waiting_method(response_type: type[Message]) -> ToolMethod:
    """A method that waits for the output of a job, and changes nothing."""
    name = response_type.DESCRIPTOR.full_name
    return ToolMethod("watch_job", "", name, is_job=False, is_repeatable=True, progress=None)


def fetch_contract(session: Session, timeout: float | None) -> Generator[Any, Any, None]:
    """Fetches the tools with their descriptors. If this fails, the call that needs them has not begun."""
    request = ListToolsRequest(include_descriptors=True)
    try:
        response = yield from _system_call(session, "list_tools", request, ListToolsResponse, timeout)
    except CallFailure as failure:
        failure.has_not_begun = True
        raise
    session.contracts.adopt(result_of(response, "list_tools"))


def list_tools(session: Session, include_descriptors: bool, timeout: float | None) -> Steps[ListToolsResponse]:
    request = ListToolsRequest(include_descriptors=include_descriptors)
    response = yield from _system_call(session, "list_tools", request, ListToolsResponse, timeout)
    return decode(ListToolsResponse, result_of(response, "list_tools"))


def server_identity(session: Session, timeout: float | None) -> Steps[ServerIdentityResponse]:
    response = yield from _system_call(
        session, "server_identity", ServerIdentityRequest(), ServerIdentityResponse, timeout
    )
    return decode(ServerIdentityResponse, result_of(response, "server_identity"))


def poll_job(
    session: Session, job_id: str, *, wait: float = 0.0, after_revision: int = 0, timeout: float | None
) -> Steps[PollJobResponse]:
    """Asks for the state of a job, now or when it changes."""
    limit = session.settings.timeout if timeout is None else timeout
    # The wait must end before the deadline, so that its answer can be received.
    wait_ms = max(0, round(min(wait, limit - 0.5) * 1000))
    request = PollJobRequest(job_id=job_id, wait_ms=wait_ms, after_revision=after_revision)
    response = yield from _system_call(session, "poll_job", request, PollJobResponse, timeout)
    return read_job_answer(PollJobResponse, "poll_job", job_id, response)


def job_result(session: Session, call: NativeCall, response_type: type[M], deadline: Deadline) -> Steps[M]:
    """Watches a job to its end and returns its output."""
    output = yield from follow_job(session, call, deadline)
    return decode(response_type, output)


def cancel_job(session: Session, job_id: str, timeout: float | None) -> Steps[CancelJobResponse]:
    """Asks a job to stop."""
    response = yield from _system_call(
        session, "cancel_job", CancelJobRequest(job_id=job_id), CancelJobResponse, timeout
    )
    return read_job_answer(CancelJobResponse, "cancel_job", job_id, response)


def list_jobs(
    session: Session,
    *,
    tool: str,
    states: "Iterable[JobState.ValueType]",
    page_size: int,
    page_token: str,
    timeout: float | None,
) -> Steps[ListJobsResponse]:
    """Fetches one page of the client's jobs."""
    request = ListJobsRequest(tool=tool, states=states, page_size=page_size, page_token=page_token)
    response = yield from _system_call(session, "list_jobs", request, ListJobsResponse, timeout)
    return decode(ListJobsResponse, result_of(response, "list_jobs"))


def start_job(session: Session, call: NativeCall) -> Generator[Any, Any, Job]:
    """Starts a job and returns it as the server has accepted it."""
    response: Response = yield from call_tool(
        session, call.signed(), call_deadline(session, call.signed(), call.timeout), call.intent.trace
    )
    if not response.ok:
        call.is_tools_failure = True
        what = f"Request {call.intent.request_id}"
        raise error_of_response(response.error if response.HasField("error") else None, what)
    if not response.HasField("job"):
        raise invalid_response(f"{call.method.tool} is no job tool: its answer holds no job. Use `call`.")
    call.job_id = response.job.job_id
    return response.job


def cancel_abandoned(session: Session, call: NativeCall) -> Generator[Any, Any, None]:
    """Cancels the job of a call that its caller has left. If its id is not known yet, the same intent tells it."""
    job_id = call.job_id
    if job_id is None:
        job = yield from start_job(session, dataclasses.replace(call, timeout=None))
        job_id = job.job_id
    yield from cancel_job(session, job_id, None)


def named_method(session: Session, tool: str, request: Message, response_type: type[Message] | None) -> ToolMethod:
    """The method behind a tool's name. One that is not in the contract is called nevertheless: the server refuses
    it."""
    known = session.contracts.known
    found = known.tools.get(tool) if known is not None else None
    request_type = request.DESCRIPTOR.full_name
    result_type = response_type.DESCRIPTOR.full_name if response_type is not None else ""
    if found is None:
        return ToolMethod(tool, request_type, result_type, is_job=False, is_repeatable=False, progress=None)
    return dataclasses.replace(found, request_type=request_type, response_type=result_type or found.response_type)


def _system_call(
    session: Session, tool: str, request: Message, result: type[Message], timeout: float | None
) -> Generator[Any, Any, Response]:
    """Calls a system tool. Its answer about a failed job is not ok, but has a result."""
    intent = Intent(
        tool,
        request.DESCRIPTOR.full_name,
        request.SerializeToString(),
        new_request_id(),
        result.DESCRIPTOR.full_name,
    )
    response: Response = yield from call_tool(session, intent, call_deadline(session, intent, timeout))
    if not response.ok and not response.HasField("result"):
        raise error_of_response(response.error if response.HasField("error") else None, f"Request {intent.request_id}")
    return response
