"""The explicit client: tools by name, jobs by id."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from sealwire._core import operations
from sealwire._core.deadline import Deadline, TimeIsUp
from sealwire._core.failure import CallFailure
from sealwire._core.intent import CallIntent, check_digest, read_intent
from sealwire._core.job_answer import decode
from sealwire._core.native import NativeCall, unary_call
from sealwire._core.validation import check_rules
from sealwire._core.watch import watch
from sealwire._core.watched import WatchedJobs
from sealwire._core.wire import REQUEST_ID
from sealwire.aio._channel import Channel
from sealwire.aio._driver import Driver
from sealwire.aio._job import JobHandle, carry_out, iterate
from sealwire.status import Abandoned, call_error
from sealwire.system.v1.list_tools_pb2 import ListToolsResponse
from sealwire.system.v1.server_identity_pb2 import ServerIdentityResponse
from sealwire.v1.job_pb2 import Job, JobState

M = TypeVar("M", bound=Message)


class Client:
    """Calls tools by name with messages, and handles jobs. Every method raises `CallError`.

    `channel`: a channel of `sealwire.aio.channel`, which stubs may use at the same time. Closing the client closes it.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._connection = channel.connection
        self._session = channel.connection.session

    async def call(
        self,
        tool: str,
        request: Message,
        response_type: type[M],
        *,
        request_id: str | None = None,
        timeout: float | None = None,
        cancel_on_abandon: bool = False,
        definition_digest: str | None = None,
    ) -> M:
        """Calls a tool and returns its output. Of a job tool: waits for the end of the job.

        `request_id` names the intent: calls with the same id are carried out once. `timeout` is in seconds.
        `cancel_on_abandon` cancels the job when the time is up. `definition_digest` is the accepted definition of the
        tool, in place of that in the `pins` of the channel: another one raises TOOL_CHANGED.
        """
        call = await self._prepare(tool, request, response_type, request_id, timeout, definition_digest)
        call.intent.cancel_on_abandon = cancel_on_abandon
        try:
            output = await Driver(self._connection).run(unary_call(self._session, call))
            return decode(response_type, output)
        except asyncio.CancelledError:
            if cancel_on_abandon and call.method.is_job:
                self._connection.cancel_job_of(call)
            raise
        except CallFailure as failure:
            if cancel_on_abandon and call.method.is_job and isinstance(failure, TimeIsUp | Abandoned):
                self._connection.cancel_job_of(call)
            raise call_error(failure, call) from failure.__cause__

    async def start(
        self,
        tool: str,
        request: Message,
        *,
        request_id: str | None = None,
        timeout: float | None = None,
        definition_digest: str | None = None,
    ) -> JobHandle:
        """Starts a job and returns its handle as soon as the server has accepted it. The same `request_id` gives the
        same job. `definition_digest`: see `call`."""
        call = await self._prepare(tool, request, None, request_id, timeout, definition_digest)
        job = await carry_out(self._connection, operations.start_job(self._session, call), call)
        return JobHandle(self._connection, job.job_id, call.intent.request_id, job)

    def job(self, job_id: str) -> JobHandle:
        """Returns the handle of a job of this client, started by any process. Asks the server nothing."""
        return JobHandle(self._connection, job_id)

    async def list_jobs(
        self,
        *,
        tool: str = "",
        states: "Iterable[JobState.ValueType]" = (),
        page_size: int = 0,
        timeout: float | None = None,
    ) -> AsyncGenerator[Job, None]:
        """Yields this client's jobs, newest first, over all pages. `page_size` is at most 500; 0 means 50. `timeout` is
        that of one page."""
        token = ""
        wanted = list(states)
        while True:
            page = await self._run(
                operations.list_jobs(
                    self._session, tool=tool, states=wanted, page_size=page_size, page_token=token, timeout=timeout
                )
            )
            for job in page.jobs:
                yield job
            token = page.next_page_token
            if not token:
                return

    def watch_jobs(
        self, *, tool: str = "", ended_since: Timestamp | None = None, timeout: float | None = None
    ) -> AsyncGenerator[Job, None]:
        """Yields each job of this client that changes, until it is closed (`contextlib.aclosing`). Open jobs come
        first; with `ended_since` also those that ended at that time of the server or later. Goes on over restarts of
        the server."""
        watched = WatchedJobs(tool, self._session.settings.heartbeat_ms, ended_since)
        deadline = Deadline(timeout, lambda: "The time of this watch is over; the jobs go on.", is_callers=True)
        return iterate(self._connection, watch(self._session, watched, deadline))

    async def list_tools(self, *, include_descriptors: bool = False, timeout: float | None = None) -> ListToolsResponse:
        """Returns the tools that the key may call; with their contract, if asked for."""
        return await self._run(operations.list_tools(self._session, include_descriptors, timeout))

    async def server_identity(self, *, timeout: float | None = None) -> ServerIdentityResponse:
        """Returns who the server is. Its fingerprint is that of the credentials."""
        return await self._run(operations.server_identity(self._session, timeout))

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _prepare(
        self,
        tool: str,
        request: Message,
        response_type: type[Message] | None,
        request_id: str | None,
        timeout: float | None,
        definition_digest: str | None,
    ) -> NativeCall:
        begun_at = time.monotonic()
        intent, method, digest = await self._checked(
            tool, request, response_type, request_id, timeout, definition_digest
        )
        if timeout is not None:
            timeout = max(0.0, timeout - (time.monotonic() - begun_at))
        return NativeCall(method, intent, request.SerializeToString(), timeout, digest)

    async def _checked(
        self,
        tool: str,
        request: Message,
        response_type: Any,
        request_id: str | None,
        timeout: float | None,
        definition_digest: str | None,
    ) -> Any:
        try:
            intent: CallIntent = read_intent(((REQUEST_ID, request_id),) if request_id is not None else None)
            check_digest(definition_digest)
            if self._session.settings.validate:
                check_rules(request)
            contracts = self._session.contracts
            await self._connection.know_contract(lambda: contracts.accepts_tool(tool, definition_digest), timeout)
            digest = contracts.digest_to_send(tool, definition_digest)
        except CallFailure as failure:
            raise call_error(failure) from failure.__cause__
        return intent, operations.named_method(self._session, tool, request, response_type), digest

    async def _run(self, steps: Generator[Any, Any, M]) -> M:
        return await carry_out(self._connection, steps)
