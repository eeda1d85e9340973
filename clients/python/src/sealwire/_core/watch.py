"""A watch over one or more streams, resumed with a new signature whenever one breaks (docs/protocol.md, Watch a
job)."""

import logging
import time
from collections.abc import Generator
from typing import Any

import grpc

from sealwire._core.call import new_request_id
from sealwire._core.deadline import Deadline
from sealwire._core.effects import Emit, Open, Pause, Read, Reply
from sealwire._core.failure import CallFailure
from sealwire._core.outcome import Failed, read_end, read_message
from sealwire._core.retry import Retries, tells_delay
from sealwire._core.session import Session
from sealwire._core.signer import RENEWALS_MAX, Attempt, Intent
from sealwire._core.watched import Watched
from sealwire._core.wire import WATCH_JOB

_SILENT_INTERVALS = 2.5
_logger = logging.getLogger("sealwire")


def watch(session: Session, watched: Watched[Any], deadline: Deadline) -> Generator[Any, Any, None]:
    """Emits the items of a watch. Returns after the last one.

    Raises CallFailure if the server refuses for good, stays away, or sends an invalid answer, and TimeIsUp.
    """
    signer, servers = session.signer, session.servers
    silence = session.settings.heartbeat_ms / 1000 * _SILENT_INTERVALS
    resumption = _Resumption(session, watched.is_known)
    intent = Intent(watched.tool, watched.request_type, b"", new_request_id(), watched.result_type)
    renewals = 0
    was_cut_off = False
    while True:
        intent.args = watched.request(was_cut_off)
        attempt = signer.sign(WATCH_JOB, intent)
        server = servers.next()
        yield Open(server, attempt.frame, deadline.remaining())
        sequence = 1
        failed: Failed | None = None
        was_cut_off = False
        while failed is None:
            read: bytes | Reply | None = yield Read(silence)
            if not isinstance(read, bytes):
                if deadline.has_passed():
                    raise deadline.failure()
                was_cut_off = read is not None and read.code is grpc.StatusCode.OK
                failed = _end_of(read, attempt, sequence)
                break
            outcome = read_message(read, attempt.expected, sequence)
            if isinstance(outcome, Failed):
                failed = outcome
                break
            sequence += 1
            update = watched.read(outcome)
            renewals = 0
            for item in update.items:
                yield Emit(item)
            if update.is_over:
                return
            # The time that the caller has taken for the items is none without a message.
            resumption.verified(update.is_news)
        if failed.is_away:
            servers.is_away(server)
        if renewals < RENEWALS_MAX and signer.renew(attempt, failed.failure.reason):
            renewals += 1
            continue
        delay = resumption.delay_after(failed, attempt, deadline)
        _logger.debug("%s is resumed in %.3f s: %s", watched.tool, delay, failed.failure.message)
        if delay > 0:
            yield Pause(delay)


def _end_of(reply: Reply | None, attempt: Attempt, sequence: int) -> Failed:
    if reply is None:
        return _broken("The watch received no message or heartbeat in time.")
    if reply.code is grpc.StatusCode.OK:
        return _broken("The stream of the watch ended early.")
    failed = read_end(reply, attempt.expected, sequence)
    # A watch changes nothing on the server and cannot have crashed it: counts as unsent, and is resumed without delay.
    failed.is_unsent = failed.is_unsent or failed.kind != "refusal"
    return failed


def _broken(message: str) -> Failed:
    return Failed("unsigned", CallFailure("UNREACHABLE", message), is_unsent=True)


class _Resumption:
    """Decides whether and when a watch is resumed."""

    def __init__(self, session: Session, is_known: bool) -> None:
        self._session = session
        self._retries = Retries(session.settings.retry)
        self._verified_at = time.monotonic() if is_known else None

    def verified(self, is_news: bool) -> None:
        """Records a verified message. A heartbeat does not reset the back-off."""
        self._verified_at = time.monotonic()
        if is_news:
            self._retries.reset()

    def delay_after(self, failed: Failed, attempt: Attempt, deadline: Deadline) -> float:
        """Seconds to wait before the next stream. Raises the final failure if the watch is not resumed."""
        session = self._session

        def correct_clock() -> bool:
            return failed.response is not None and session.signer.adopt_server_time(failed.response.ts_ms, attempt)

        delay = self._retries.delay_after(
            failed,
            correct_clock=correct_clock,
            alternatives=session.servers.count - 1,
            remaining=deadline.remaining(),
        )
        if delay is None or not self._may_resume(failed) or not deadline.leaves(delay):
            raise self._retries.final_failure(failed)
        return delay

    def _may_resume(self, failed: Failed) -> bool:
        """Before the first verified message the limits of a call apply, then the time without one."""
        if tells_delay(failed):
            return True
        if self._verified_at is None:
            return self._retries.attempts_left
        return time.monotonic() - self._verified_at < self._session.settings.resume_for
