"""What a native call of a stub means (docs/proxy.md)."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import grpc

from sealwire._core.call import call_deadline, call_tool
from sealwire._core.contract import ToolMethod
from sealwire._core.deadline import Deadline
from sealwire._core.effects import Emit, Started
from sealwire._core.failure import CallFailure, error_of_response, invalid_response
from sealwire._core.intent import CallIntent
from sealwire._core.job_answer import failure_of_job
from sealwire._core.session import Session
from sealwire._core.signer import Intent
from sealwire._core.watch import watch
from sealwire._core.watched import EncodedWatch, FollowedJob
from sealwire.signing import TYPE_URL
from sealwire.v1.response_pb2 import Response


@dataclass(slots=True)
class NativeCall:
    """One call of a stub, with what is known of it so far."""

    method: ToolMethod
    intent: CallIntent
    args: bytes = field(repr=False)
    timeout: float | None
    definition_digest: str = ""
    """The accepted definition of the tool; empty if any is."""
    job_id: str | None = None
    is_tools_failure: bool = False
    """True once the tool or the job itself has failed, as a verified answer says."""

    def signed(self) -> Intent:
        method = self.method
        return Intent(
            method.tool,
            method.request_type,
            self.args,
            self.intent.request_id,
            method.response_type,
            self.definition_digest,
        )


def unary_call(session: Session, call: NativeCall) -> Generator[Any, Any, bytes]:
    """Carries out a call, and returns the output. Of a job: starts it, watches it to its end. Raises CallFailure."""
    if call.method.tool in ("watch_job", "watch_jobs"):
        raise invalid_request(f"{call.method.tool} answers with a stream; call it by a stub whose method is streaming.")
    signed = call.signed()
    waiting = _waiting_deadline(call) if call.method.is_job else None
    deadline = call_deadline(session, signed, call.timeout)
    response: Response = yield from call_tool(session, signed, deadline, call.intent.trace)
    # System tools answer about a job that has failed with a result, too.
    if response.HasField("result"):
        return response.result.value
    if not response.ok:
        call.is_tools_failure = True
        raise error_of_response(response.error if response.HasField("error") else None, f"Request {signed.request_id}")
    if not response.HasField("job"):
        raise invalid_response(f"The answer of {call.method.tool} holds no result.")
    call.job_id = response.job.job_id
    yield Started(call.job_id)
    return (yield from follow_job(session, call, waiting or _waiting_deadline(call)))


def follow_job(session: Session, call: NativeCall, deadline: Deadline) -> Generator[Any, Any, bytes]:
    """Watches the job of a call to its end and returns its output. Emits the messages with its progress."""
    job_id = call.job_id or ""
    followed = FollowedJob(job_id, session.settings.heartbeat_ms, call.method.progress)
    yield from watch(session, followed, deadline)
    failure = failure_of_job(followed.latest) if followed.latest is not None else None
    if failure is not None:
        call.is_tools_failure = True
        raise failure
    if followed.output is None:
        raise invalid_response(f"Job {job_id} ended without an outcome.")
    if call.method.response_type and followed.output.type_url != TYPE_URL + call.method.response_type:
        raise CallFailure(
            "RESPONSE_UNVERIFIED", f"Job {job_id} has an output of another type, {followed.output.type_url!r}."
        )
    return followed.output.value


def stream_call(session: Session, call: NativeCall) -> Generator[Any, Any, None]:
    """Carries out a call of a streaming method: emits messages. Raises CallFailure."""
    tool = call.method.tool
    if tool in ("watch_job", "watch_jobs"):
        encoded = EncodedWatch(tool, call.args, session.settings.heartbeat_ms)
        yield from watch(
            session, encoded, Deadline(call.timeout, lambda: "The time of this watch is over.", is_callers=True)
        )
        return
    output = yield from unary_call(session, call)
    yield Emit(output)


def _waiting_deadline(call: NativeCall) -> Deadline:
    message = f"The job of request {call.intent.request_id} did not end within {call.timeout or 0:g} s; it goes on."
    return Deadline(call.timeout, lambda: message, is_callers=True)


def invalid_request(message: str) -> CallFailure:
    """The failure of a call that a stub makes in a way that no tool has."""
    failure = CallFailure("ENVELOPE_INVALID", message, code=grpc.StatusCode.UNIMPLEMENTED)
    failure.has_not_begun = True
    return failure
