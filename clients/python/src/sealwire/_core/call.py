"""One signed call with its retries."""

import logging
import os
from collections.abc import Generator
from typing import Any

import grpc

from sealwire._core.deadline import Deadline
from sealwire._core.effects import Pause, Reply, Send
from sealwire._core.failure import invalid_response
from sealwire._core.outcome import Failed, read_answer, read_failure
from sealwire._core.pins import explain_refused_envelope
from sealwire._core.retry import Retries
from sealwire._core.session import Session
from sealwire._core.signer import RENEWALS_MAX, Attempt, Intent
from sealwire._core.wire import CALL
from sealwire.v1.response_pb2 import Response

_OK = grpc.StatusCode.OK
# RFC 9562 sets the first two bits of this digit.
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
_logger = logging.getLogger("sealwire")


def new_request_id() -> str:
    """A name for a new intent: a random UUID (version 4)."""
    digits = os.urandom(16).hex()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def call_tool(
    session: Session, intent: Intent, deadline: Deadline, trace: tuple[tuple[str, str], ...] = ()
) -> Generator[Any, Any, Response]:
    """Calls a tool and returns the verified answer, whether ok or not. Signs and sends as often as Retries allows.

    Raises CallFailure with the reason of the last attempt, and TimeIsUp.
    """
    signer, servers = session.signer, session.servers
    retries: Retries | None = None
    renewals = 0
    while True:
        attempt = signer.sign(CALL, intent)
        server = servers.next()
        reply: Reply = yield Send(server, attempt.frame, deadline.remaining(), trace or None)
        if reply.code is _OK:
            outcome = read_answer(reply.message, attempt.expected)
        else:
            outcome = read_failure(reply, attempt.expected, 0)
        if not isinstance(outcome, Failed):
            return outcome
        failed = outcome
        if failed.is_away:
            servers.is_away(server)
        retries = retries or Retries(session.settings.retry)
        retries.note(failed)
        if renewals < RENEWALS_MAX and signer.renew(attempt, failed.failure.reason):
            renewals += 1
            continue
        if deadline.has_passed():
            raise retries.failure_in_time(failed) or deadline.failure()

        def correct_clock(failed: Failed = failed, attempt: Attempt = attempt) -> bool:
            return failed.response is not None and signer.adopt_server_time(failed.response.ts_ms, attempt)

        delay = retries.delay_after(
            failed, correct_clock=correct_clock, alternatives=servers.count - 1, remaining=deadline.remaining()
        )
        if delay is None or not retries.allows(failed) or not deadline.leaves(delay):
            raise explain_refused_envelope(retries.final_failure(failed), intent.definition_digest)
        _logger.debug("%s is tried again in %.3f s: %s", intent.tool, delay, failed.failure.message)
        if delay > 0:
            yield Pause(delay)


def call_deadline(session: Session, intent: Intent, timeout: float | None) -> Deadline:
    """The deadline of a call: the caller's, if it is shorter than that of the channel."""
    own = session.settings.timeout
    is_callers = timeout is not None and timeout <= own
    limit = timeout if timeout is not None and is_callers else own
    return Deadline(
        limit,
        lambda: (
            f"No verified answer from {intent.tool} within {limit:g} s; its outcome is unknown, repeat it under the"
            f" same request id {intent.request_id}."
        ),
        is_callers=is_callers,
    )


def result_of(response: Response, tool: str) -> bytes:
    """The output in an answer that must have one."""
    if not response.HasField("result"):
        raise invalid_response(f"The answer of {tool} holds no result.")
    return response.result.value
