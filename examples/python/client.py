"""Calls the tools of a Sealwire server with grpc.aio. Returns verified responses only."""

import asyncio
import os
import random
import time
import uuid
from collections.abc import AsyncGenerator
from typing import Self

import grpc
from google.protobuf.message import Message
from sealwire.system.v1.watch_job_pb2 import WatchJobRequest, WatchJobResponse
from sealwire.v1.envelope_pb2 import Envelope
from sealwire.v1.job_pb2 import JobState
from sealwire.v1.response_pb2 import Response

from credentials import Credentials
from signing import REASONS, Expected, Unverified, sign, verify, verify_refusal

CALL = "/sealwire.v1.ToolService/Call"
WATCH_JOB = "/sealwire.v1.ToolService/WatchJob"
CALL_TIMEOUT_S = 60
SILENCE_S = 2.5 * 15
ATTEMPTS = 5
OPTIONS = [("grpc.enable_retries", 0), ("grpc.max_receive_message_length", 4 * 1024 * 1024)]
TERMINAL = {JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED}
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


class Refused(Exception):
    """The signed error of a call that the server refused."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.error.message)
        self.error = response.error


class Interrupted(Exception):
    """A watch ended before its job. Watch again from the newest known revision."""


def backoff_s(attempt: int) -> float:
    return random.uniform(0, min(0.2 * 2**attempt, 5))


class Client:
    """Calls the server in its credentials. Use `async with` to close the connection."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        # For TLS: grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(), OPTIONS)
        self.channel = grpc.aio.insecure_channel(credentials.address, OPTIONS)
        self.send: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(CALL)
        self.open: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self.channel.unary_stream(WATCH_JOB)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()

    async def call(self, tool: str, args: Message, result: type[Message], request_id: str = "") -> Response:
        """Returns the tool's answer, also of a failed tool. Retries temporary errors.

        Raises Refused, Unverified or AioRpcError.
        """
        request_id = request_id or str(uuid.uuid4())
        for attempt in range(1, ATTEMPTS + 1):
            delay_s = 0.0
            try:
                return await self.call_once(tool, args, result, request_id)
            except Refused as refused:
                delivered_twice = REASONS.get(refused.error.reason) == "REPLAYED"
                if attempt == ATTEMPTS or not (refused.error.retryable or delivered_twice):
                    raise
                delay_s = refused.error.retry_delay.ToTimedelta().total_seconds()
            except grpc.aio.AioRpcError as error:
                if attempt == ATTEMPTS or error.code() not in PASSING:
                    raise
            await asyncio.sleep(delay_s or backoff_s(attempt))
        raise AssertionError("the last attempt returns or raises")

    async def call_once(self, tool: str, args: Message, result: type[Message], request_id: str) -> Response:
        """Makes one attempt at a call."""
        frame, expected = self.signed(CALL, tool, args, result, request_id)
        try:
            return verify(expected, await self.send(frame, timeout=CALL_TIMEOUT_S))
        except grpc.aio.AioRpcError as error:
            raise refusal(error, expected, 0) from None

    async def watch(self, job_id: str, after_revision: int = 0) -> AsyncGenerator[WatchJobResponse, None]:
        """Yields each newer state of a job up to the last one. Raises Interrupted if the watch can be resumed."""
        args = WatchJobRequest(job_id=job_id, after_revision=after_revision)
        frame, expected = self.signed(WATCH_JOB, "watch_job", args, WatchJobResponse, str(uuid.uuid4()))
        stream = self.open(frame)
        known: WatchJobResponse | None = None
        sequence = 1
        try:
            while isinstance(received := await asyncio.wait_for(stream.read(), SILENCE_S), bytes):
                answer = WatchJobResponse.FromString(verify(expected, received, sequence).result.value)
                sequence += 1
                if answer.job.job_id != job_id or answer.job.revision < (
                    known.job.revision if known else after_revision
                ):
                    raise Unverified("the watch shows another job or goes back")
                if known and answer.job.revision == known.job.revision:
                    if answer.job.state != known.job.state:
                        raise Unverified("the job has two states at one revision")
                    continue
                known = answer
                yield answer
        except TimeoutError:
            raise Interrupted from None
        except grpc.aio.AioRpcError as error:
            raised = refusal(error, expected, sequence)
            if raised.error.retryable if isinstance(raised, Refused) else error.code() in PASSING:
                raise Interrupted from None
            raise raised from None
        finally:
            stream.cancel()
        if known is None or known.job.state not in TERMINAL:
            raise Interrupted

    def signed(
        self, method: str, tool: str, args: Message, result: type[Message], request_id: str
    ) -> tuple[bytes, Expected]:
        """Signs a new attempt. Returns the frame and the expected values of the answer."""
        envelope = Envelope(
            v="mcp/0.1",
            request_id=request_id,
            ts_ms=time.time_ns() // 1_000_000,
            client_id=self.credentials.client_id,
            server_id=self.credentials.server_id,
            tool=tool,
            nonce=os.urandom(16),
        )
        envelope.args.Pack(args)
        frame = sign(self.credentials, method, envelope.SerializeToString())
        expected = Expected(self.credentials, request_id, frame.signature, result.DESCRIPTOR.full_name)
        return frame.SerializeToString(), expected


def refusal(error: grpc.aio.AioRpcError, expected: Expected, sequence: int) -> Refused | grpc.aio.AioRpcError:
    """Converts a gRPC error to Refused if the server signed it."""
    details = error.trailing_metadata().get("grpc-status-details-bin")
    response = verify_refusal(expected, error.code().value[0], details if isinstance(details, bytes) else b"", sequence)
    return error if response is None else Refused(response)
