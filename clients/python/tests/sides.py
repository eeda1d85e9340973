"""The same test on the synchronous and on the asyncio side of the package."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import grpc

import sealwire
from sealwire.demo.v1 import BatchSumRequest, BatchSumResponse, DemoToolServiceStub, StartLongTaskRequest


class Caller(Protocol):
    """Calls the demo tools on one side, each call on the same channel."""

    def batch_sum(self, numbers: list[float], **options: Any) -> BatchSumResponse: ...
    def run_job(self, greeting: str, **options: Any) -> str: ...
    def call(self, method: str, **options: Any) -> Any: ...
    def explicit(self, body: Callable[[Any], Any]) -> Any: ...


def job_request(greeting: str) -> StartLongTaskRequest:
    request = StartLongTaskRequest(seconds=1)
    request.payload["greeting"] = greeting
    return request


class SyncCaller:
    def __init__(self, channel: sealwire.Channel) -> None:
        self.channel = channel
        self.stub = DemoToolServiceStub(channel)

    def batch_sum(self, numbers: list[float], **options: Any) -> BatchSumResponse:
        return self.stub.BatchSum(BatchSumRequest(numbers=numbers), **options)

    def run_job(self, greeting: str, **options: Any) -> str:
        return str(self.stub.StartLongTask(job_request(greeting), **options).payload["greeting"])

    def call(self, method: str, **options: Any) -> Any:
        return self.channel.unary_unary(method)(b"", **options)

    def explicit(self, body: Callable[[Any], Any]) -> Any:
        return body(sealwire.Client(self.channel))


class AioCaller:
    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self._runner = asyncio.Runner()
        self._channel = self._runner.run(self._open(path, options))

    async def _open(self, path: Path, options: dict[str, Any]) -> sealwire.aio.Channel:
        return sealwire.aio.channel(path, **options)

    def _run(self, start: Callable[[], Awaitable[Any]]) -> Any:
        async def body() -> Any:
            return await start()

        return self._runner.run(body())

    def batch_sum(self, numbers: list[float], **options: Any) -> BatchSumResponse:
        found: BatchSumResponse = self._run(
            lambda: DemoToolServiceStub(self._channel).BatchSum(BatchSumRequest(numbers=numbers), **options)
        )
        return found

    def run_job(self, greeting: str, **options: Any) -> str:
        stub = DemoToolServiceStub(self._channel)
        return str(self._run(lambda: stub.StartLongTask(job_request(greeting), **options)).payload["greeting"])

    def call(self, method: str, **options: Any) -> Any:
        return self._run(lambda: self._channel.unary_unary(method)(b"", **options))

    def explicit(self, body: Callable[[Any], Any]) -> Any:
        return self._run(lambda: body(sealwire.aio.Client(self._channel)))

    def close(self) -> None:
        self._runner.run(self._channel.close())
        self._runner.close()


@contextmanager
def caller(side: str, path: Path, **options: Any) -> Any:
    """A caller of one side with its own channel."""
    if side == "sync":
        with sealwire.channel(path, **options) as channel:
            yield SyncCaller(channel)
    else:
        made = AioCaller(path, options)
        try:
            yield made
        finally:
            made.close()


def code_of(raised: Any) -> grpc.StatusCode:
    code: grpc.StatusCode = raised.value.code()
    return code
