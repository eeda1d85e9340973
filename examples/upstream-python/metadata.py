"""What Sealwire says about a call in the metadata."""

from dataclasses import dataclass
from typing import Self

import grpc


@dataclass(frozen=True)
class Call:
    """One call of a tool. What was not sent is None."""

    method: str
    client: str | None
    request: str | None
    tool: str | None
    server: str | None
    job: str | None
    attempt: int | None
    key: str | None
    traceparent: str | None
    deadline_ms: int | None
    assertion: str | None

    @classmethod
    def read(cls, method: str, context: grpc.aio.ServicerContext) -> Self:
        metadata = dict(context.invocation_metadata() or ())
        attempt = metadata.get("sealwire-attempt", "")
        left_s = context.time_remaining()
        return cls(
            method=method,
            client=metadata.get("sealwire-client-id"),
            request=metadata.get("sealwire-request-id"),
            tool=metadata.get("sealwire-tool"),
            server=metadata.get("sealwire-server-id"),
            job=metadata.get("sealwire-job-id"),
            attempt=int(attempt) if attempt.isdecimal() else None,
            key=metadata.get("sealwire-idempotency-key"),
            traceparent=metadata.get("traceparent"),
            deadline_ms=None if left_s is None else round(left_s * 1000),
            assertion=metadata.get("sealwire-assertion"),
        )
