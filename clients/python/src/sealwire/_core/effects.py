"""What an operation asks its driver to do.

Operations are generators that yield effects and are sent the results. They do no input or output themselves, so the
synchronous and the asynchronous side share them.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

T = TypeVar("T")


@dataclass(slots=True)
class Reply:
    """How an attempt, or the stream of a watch, ended. `message` is set after OK of a unary call."""

    code: grpc.StatusCode
    message: bytes | None = None
    details: str = ""
    trailers: Any = ()
    is_from_peer: bool = True
    """False if a call was not sent, because there is no connection. Of a watch: if the channel has none."""


@dataclass(slots=True)
class Send:
    """Sends one frame to ToolService/Call, to the given server. Its result is a Reply."""

    server: int
    frame: bytes
    timeout: float | None
    metadata: tuple[tuple[str, str], ...] | None


@dataclass(slots=True)
class Open:
    """Opens a stream of ToolService/WatchJob. A stream that is open is cancelled. No result."""

    server: int
    frame: bytes
    timeout: float | None


@dataclass(slots=True)
class Read:
    """Reads the next message of the open stream. Its result is bytes, a Reply at its end, or None after `silence` s."""

    silence: float


@dataclass(slots=True)
class Pause:
    """Waits. No result."""

    seconds: float


@dataclass(slots=True)
class Started:
    """A job has been accepted. No result."""

    job_id: str


@dataclass(slots=True)
class Emit(Generic[T]):
    """Gives an item to the caller. No result."""

    item: T
