"""What surrounds each call of a tool: the check of its assertion, the log, and its end when the server stops."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

import grpc

from assertion import Refused, Verifier
from metadata import Call


class Calls(grpc.aio.ServerInterceptor):
    """Surrounds the calls of one service. The methods of other services, such as health, pass as they are."""

    def __init__(self, service: str, verifier: Verifier | None) -> None:
        self.service = service
        self.verifier = verifier
        self.open: set[asyncio.Task[object]] = set()
        self.is_stopping = False

    def stop(self) -> None:
        """Ends the open calls, and those that still come, with UNAVAILABLE."""
        self.is_stopping = True
        for task in self.open:
            task.cancel()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(details)
        service, _, method = details.method.removeprefix("/").partition("/")
        if service != self.service or handler is None:
            return handler
        # The assertion covers the request as it was received, so both handlers take bytes and parse them.
        parse = handler.request_deserializer

        async def unary(request: bytes, context: grpc.aio.ServicerContext) -> object:
            async with self.around(method, request, context):
                return await handler.unary_unary(parse(request), context)

        async def stream(request: bytes, context: grpc.aio.ServicerContext) -> None:
            async with self.around(method, request, context):
                async for response in handler.unary_stream(parse(request), context):
                    await context.write(response)

        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, None, handler.response_serializer)
        return grpc.unary_unary_rpc_method_handler(unary, None, handler.response_serializer)

    @asynccontextmanager
    async def around(self, method: str, request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
        call = Call.read(method, context)
        if self.verifier is not None:
            try:
                self.verifier.check(call, request)
            except Refused as refused:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"sealwire-assertion: {refused}")
        if self.is_stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping")
        log({**asdict(call), "assertion": None})
        ended = grpc.StatusCode.OK
        task = asyncio.current_task()
        self.open.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self.is_stopping:
                ended = grpc.StatusCode.CANCELLED
                raise
            ended = grpc.StatusCode.UNAVAILABLE
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping")
        except BaseException:
            ended = context.code() or grpc.StatusCode.UNKNOWN
            raise
        finally:
            self.open.discard(task)
            end = {"method": method, "request": call.request, "job": call.job, "attempt": call.attempt}
            log({**end, "ended": ended.name})


def log(line: dict[str, object]) -> None:
    """Prints one line of JSON, without the values that are missing."""
    print(json.dumps({name: value for name, value in line.items() if value is not None}), flush=True)
