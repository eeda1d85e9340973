"""A channel for ordinary generated stubs."""

from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from sealwire._core.native import invalid_request
from sealwire._core.settings import Settings
from sealwire._core.wire import UNSIGNED
from sealwire.aio._bases import StreamStream, StreamUnary, UnaryStream, UnaryUnary
from sealwire.aio._call import StreamCall, UnaryCall
from sealwire.aio._connection import Connection
from sealwire.aio._stub_method import Deserialize, Serialize, StubMethod
from sealwire.status import call_error


class Channel(grpc.aio.Channel):
    """A `grpc.aio.Channel` whose calls are signed, tried again within their time, and verified. Make it by
    `sealwire.aio.channel`.

    Methods of `sealwire.v1`, health and reflection are passed through as they are.
    """

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection(settings)

    @property
    def connection(self) -> Connection:
        """What clients on the same connection need. Not for other use."""
        return self._connection

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The connectivity to the first server."""
        return self._connection.channels[0].get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._connection.channels[0].wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Waits until the first server is connected."""
        await self._connection.channels[0].channel_ready()

    def unary_unary(
        self,
        method: str,
        request_serializer: Serialize = None,
        response_deserializer: Deserialize = None,
        _registered_method: bool | None = False,
    ) -> UnaryUnary:
        if method.startswith(UNSIGNED):
            return self._plain().unary_unary(method, request_serializer, response_deserializer)
        return UnaryMethod(StubMethod(self._connection, method, request_serializer, response_deserializer))

    def unary_stream(
        self,
        method: str,
        request_serializer: Serialize = None,
        response_deserializer: Deserialize = None,
        _registered_method: bool | None = False,
    ) -> UnaryStream:
        if method.startswith(UNSIGNED):
            return self._plain().unary_stream(method, request_serializer, response_deserializer)
        return StreamMethod(StubMethod(self._connection, method, request_serializer, response_deserializer))

    def stream_unary(
        self,
        method: str,
        request_serializer: Serialize = None,
        response_deserializer: Deserialize = None,
        _registered_method: bool | None = False,
    ) -> StreamUnary:
        if method.startswith(UNSIGNED):
            return self._plain().stream_unary(method, request_serializer, response_deserializer)
        return _ClientStreamingUnary()

    def stream_stream(
        self,
        method: str,
        request_serializer: Serialize = None,
        response_deserializer: Deserialize = None,
        _registered_method: bool | None = False,
    ) -> StreamStream:
        if method.startswith(UNSIGNED):
            return self._plain().stream_stream(method, request_serializer, response_deserializer)
        return _ClientStreaming()

    def _plain(self) -> grpc.aio.Channel:
        connection = self._connection
        return connection.channels[connection.session.servers.next()]

    async def close(self, grace: float | None = None) -> None:
        """Ends all calls with CANCELLED after `grace` seconds, and closes the connections."""
        await self._connection.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class UnaryMethod(UnaryUnary):
    """A unary method of a stub. A call of a job method starts the job, waits for its end, and returns its output."""

    def __init__(self, method: StubMethod) -> None:
        self._method = method

    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryCall:
        """Calls the tool. `timeout` is in seconds. Await the call; it raises CallError."""
        return UnaryCall(self._method, request, timeout, metadata)


class StreamMethod(UnaryStream):
    """A streaming method of a stub: a streaming job, or a watch."""

    def __init__(self, method: StubMethod) -> None:
        self._method = method

    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StreamCall:
        """Calls the tool. Iterate over the call; it raises CallError."""
        return StreamCall(self._method, request, timeout, metadata)


class _ClientStreamingUnary(StreamUnary):
    """A method that takes a stream of requests, as no tool does."""

    def __call__(self, *_arguments: Any, **_options: Any) -> Any:
        raise call_error(invalid_request(_STREAMING))


class _ClientStreaming(StreamStream):
    """A method that takes a stream of requests, as no tool does."""

    def __call__(self, *_arguments: Any, **_options: Any) -> Any:
        raise call_error(invalid_request(_STREAMING))


_STREAMING = "A tool takes one request message, and this method takes a stream of them."
