"""What a caller says about its call in the metadata, and what is told about it (docs/proxy.md, Metadata)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sealwire._core.call import new_request_id
from sealwire._core.failure import CallFailure
from sealwire._core.pins import is_digest
from sealwire._core.wire import CANCEL_ON_ABANDON, JOB_ID, REQUEST_ID, TRACEPARENT, TRACESTATE

Pairs = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[!-~]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_TRACESTATE = re.compile(r"[ -~]{1,512}")


@dataclass(slots=True)
class CallIntent:
    """The parts of a call's metadata that mean something here. All others are left out."""

    request_id: str
    cancel_on_abandon: bool = False
    trace: Pairs = ()
    """The W3C trace context; empty if there is none."""


def read_intent(metadata: Iterable[Any] | None) -> CallIntent:
    """Reads the metadata of a call. Raises CallFailure ENVELOPE_INVALID naming the invalid key."""
    if not metadata:
        return CallIntent(new_request_id())
    found: dict[str, str] = {}
    for name, value in metadata:
        # gRPC refuses capitals. A request id that is overlooked would make two intents of one.
        key = name.lower()
        if key not in (REQUEST_ID, CANCEL_ON_ABANDON, TRACEPARENT, TRACESTATE):
            continue
        text = value.decode("latin1") if isinstance(value, bytes) else value
        if key not in found:
            found[key] = text
        elif key == TRACESTATE:
            found[key] += f",{text}"
        else:
            raise _invalid(f"The metadata {key} is sent more than once; send it once.")
    request_id = found.get(REQUEST_ID)
    if request_id is not None and not _NAME.fullmatch(request_id):
        raise _invalid(f"The metadata {REQUEST_ID} must be 1 to 128 printable ASCII characters without spaces.")
    cancel = found.get(CANCEL_ON_ABANDON, "false")
    if cancel not in ("true", "false"):
        raise _invalid(f'The metadata {CANCEL_ON_ABANDON} must be "true" or "false".')
    return CallIntent(request_id or new_request_id(), cancel == "true", _trace_in(found))


def _trace_in(found: dict[str, str]) -> Pairs:
    traceparent, tracestate = found.get(TRACEPARENT, ""), found.get(TRACESTATE, "")
    if not _TRACEPARENT.fullmatch(traceparent):
        return ()
    if not _TRACESTATE.fullmatch(tracestate):
        return ((TRACEPARENT, traceparent),)
    return ((TRACEPARENT, traceparent), (TRACESTATE, tracestate))


def check_digest(definition_digest: str | None) -> None:
    """Checks the definition digest of a call. Raises CallFailure ENVELOPE_INVALID."""
    if definition_digest is not None and not is_digest(definition_digest):
        raise _invalid("definition_digest must be 64 lower-case hex digits, as sealwire.definition_digest gives.")


def answer_metadata(request_id: str, job_id: str | None) -> Pairs:
    """The ids of a call, as they stand in the initial metadata and again in the trailers."""
    if job_id is None:
        return ((REQUEST_ID, request_id),)
    return ((REQUEST_ID, request_id), (JOB_ID, job_id))


def _invalid(message: str) -> CallFailure:
    failure = CallFailure("ENVELOPE_INVALID", message)
    failure.has_not_begun = True
    return failure
