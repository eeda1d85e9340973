"""Signs attempts, each with a new nonce and the time by the server's clock as far as it is known."""

import logging
import os
import time
from dataclasses import dataclass

import grpc

from sealwire._core.credentials_source import CredentialsSource
from sealwire._core.failure import CallFailure
from sealwire._core.wire import MAX_REQUEST_BYTES
from sealwire.credentials import Credentials
from sealwire.signing import TYPE_URL, VERSION, Expected, sign, write_frame
from sealwire.v1.envelope_pb2 import Envelope

RENEWALS_MAX = 3
"""How often one operation tries other credentials, without progress in between."""

_MAX_OFFSET_MS = 86_400_000
_REFUSED = {"CREDENTIALS_REFUSED", "KEY_REVOKED"}

_logger = logging.getLogger("sealwire")


@dataclass(slots=True)
class Intent:
    """A tool, its arguments and the request id."""

    tool: str
    request_type: str
    args: bytes
    request_id: str
    result_type: str | None
    """Full name of the message that the result must have."""
    definition_digest: str = ""
    """The accepted definition of the tool; empty if any is."""


@dataclass(slots=True)
class Attempt:
    """One signed attempt of an intent."""

    frame: bytes
    credentials: Credentials
    signed_at_ms: int
    expected: Expected


class Signer:
    """Signs with the current credentials, and knows how far the server's clock is off."""

    def __init__(self, source: CredentialsSource) -> None:
        self._source = source
        self._offset_ms = 0

    def sign(self, method: str, intent: Intent) -> Attempt:
        """Signs one attempt. Raises CallFailure if it is larger than a server accepts."""
        credentials = self._source.current()
        now_ms = time.time_ns() // 1_000_000
        envelope = Envelope(
            v=VERSION,
            request_id=intent.request_id,
            ts_ms=now_ms + self._offset_ms,
            client_id=credentials.client_id,
            server_id=credentials.server_id,
            tool=intent.tool,
            nonce=os.urandom(16),
            definition_digest=intent.definition_digest,
        )
        args = envelope.args
        args.type_url = TYPE_URL + intent.request_type
        args.value = intent.args
        content = envelope.SerializeToString()
        key_id = credentials.key_id
        signature = sign(credentials.request_mac, key_id, method, content)
        frame = write_frame(content, key_id, signature)
        if len(frame) > MAX_REQUEST_BYTES:
            raise _too_large(intent, len(frame))
        expected = Expected(
            credentials.server_id, key_id, credentials.response_mac, signature, intent.request_id, intent.result_type
        )
        return Attempt(frame, credentials, now_ms, expected)

    def renew(self, attempt: Attempt, reason: str) -> bool:
        """True if there are other credentials after `attempt` was refused for its own."""
        return reason in _REFUSED and self._source.renew(attempt.credentials)

    def adopt_server_time(self, server_ms: int, attempt: Attempt) -> bool:
        """Adopts the server's clock from a verified answer that has just arrived. False if it is off by more than 24
        h."""
        # The server signed between sending and receiving. The middle is the best estimate.
        offset_ms = server_ms - (attempt.signed_at_ms + time.time_ns() // 1_000_000) // 2
        if abs(offset_ms) > _MAX_OFFSET_MS:
            return False
        _logger.info("the clock of the server is %d ms ahead of this one", offset_ms)
        self._offset_ms = offset_ms
        return True


def _too_large(intent: Intent, size: int) -> CallFailure:
    failure = CallFailure(
        "ARGS_INVALID",
        f"The request of {intent.tool} is {size:,} bytes; a server accepts {MAX_REQUEST_BYTES:,}. Send"
        " less, or a reference.",
        code=grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
    failure.has_not_begun = True
    return failure
