"""The interop cases of the gRPC project that fit Sealwire."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from interop.v1.echo_pb2 import EchoRequest, EchoResponse
from interop.v1.refuse_pb2 import RefuseRequest, RefuseResponse
from interop.v1.sleep_pb2 import SleepRequest, SleepResponse
from interop.v1.trace_pb2 import TraceRequest, TraceResponse
from sealwire.demo.v1.start_long_task_pb2 import StartLongTaskRequest, StartLongTaskResponse
from sealwire.system.v1.cancel_job_pb2 import CancelJobRequest, CancelJobResponse
from sealwire.system.v1.watch_job_pb2 import WatchJobRequest, WatchJobResponse

from client import CALL, WATCH_JOB, Client
from credentials import Credentials
from signing import Expected, verify

STATUS_TEXT = "\t\nwhite space\r\nand ☺ of the BMP and 😈 beyond, 100 % of %25\t\n"
CASE_TIMEOUT_S = 60
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def large_unary(client: Client) -> None:
    for size in (271_828, 1_000_000):
        data = os.urandom(size)
        response = await client.call("echo", EchoRequest(data=data), EchoResponse)
        assert EchoResponse.FromString(response.result.value).data == data


async def too_large_unary(client: Client) -> None:
    assert (
        await code_of(send(client, "echo", EchoRequest(data=bytes(1024 * 1024)), EchoResponse)) == "RESOURCE_EXHAUSTED"
    )


async def empty_unary(client: Client) -> None:
    response = await client.call("echo", EchoRequest(), EchoResponse)
    assert response.ok and response.HasField("result") and response.result.value == b""


async def cancel_after_begin(client: Client) -> None:
    call, _ = send(client, "sleep", SleepRequest(), SleepResponse)
    # On the same connection, so the server has begun the first call once it answers the second.
    await client.call("echo", EchoRequest(), EchoResponse)
    call.cancel()
    assert await call.code() == grpc.StatusCode.CANCELLED


async def cancel_after_first_response(client: Client) -> None:
    job = (await client.call("start_long_task", StartLongTaskRequest(seconds=20), StartLongTaskResponse)).job
    args = WatchJobRequest(job_id=job.job_id)
    frame, expected = client.signed(WATCH_JOB, "watch_job", args, WatchJobResponse, os.urandom(8).hex())
    stream = client.open(frame)
    first = await stream.read()
    assert isinstance(first, bytes)
    verify(expected, first, sequence=1)
    stream.cancel()
    assert await stream.code() == grpc.StatusCode.CANCELLED
    await client.call("cancel_job", CancelJobRequest(job_id=job.job_id), CancelJobResponse)


async def timeout_on_sleeping_server(client: Client) -> None:
    assert await code_of(send(client, "sleep", SleepRequest(), SleepResponse, timeout=0.3)) == "DEADLINE_EXCEEDED"


async def special_status_message(client: Client) -> None:
    call, _ = send(client, "refuse", RefuseRequest(text=STATUS_TEXT), RefuseResponse)
    assert await call.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert f": text: {STATUS_TEXT}" in await call.details(), await call.details()


async def unimplemented_method(client: Client) -> None:
    call = client.channel.unary_unary("/sealwire.v1.ToolService/NoSuchCall")(b"")
    assert await call.code() == grpc.StatusCode.UNIMPLEMENTED


async def unimplemented_service(client: Client) -> None:
    call = client.channel.unary_unary("/sealwire.v1.NoSuchService/Call")(b"")
    assert await call.code() == grpc.StatusCode.UNIMPLEMENTED


async def custom_metadata(client: Client) -> None:
    metadata = (("x-initial", "a value"), ("x-binary-bin", b"\xab\x00\xff"), ("traceparent", TRACEPARENT))
    call, expected = send(client, "trace", TraceRequest(), TraceResponse, metadata=metadata)
    result = verify(expected, await call).result
    assert TraceResponse.FromString(result.value).traceparent == TRACEPARENT


Unary = grpc.aio.UnaryUnaryCall[bytes, bytes]


def send(client: Client, tool: str, args: Message, result: type[Message], **options: Any) -> tuple[Unary, Expected]:
    frame, expected = client.signed(CALL, tool, args, result, os.urandom(8).hex())
    return client.send(frame, **options), expected


async def code_of(sent: tuple[Unary, Expected]) -> str:
    return (await sent[0].code()).name


CASES: list[Callable[[Client], Awaitable[None]]] = [
    large_unary,
    too_large_unary,
    empty_unary,
    cancel_after_begin,
    cancel_after_first_response,
    timeout_on_sleeping_server,
    special_status_message,
    unimplemented_method,
    unimplemented_service,
    custom_metadata,
]


async def run(credentials: Credentials) -> None:
    async with Client(credentials) as client:
        for case in CASES:
            await asyncio.wait_for(case(client), CASE_TIMEOUT_S)
            print(case.__name__)
