"""A channel for ordinary generated stubs."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc

from sealwire._core.failure import CallFailure
from sealwire._core.native import invalid_request
from sealwire._core.settings import Settings
from sealwire._core.wire import UNSIGNED
from sealwire._sync.bases import StreamStream, StreamUnary, UnaryStream, UnaryUnary
from sealwire._sync.connection import Connection
from sealwire._sync.stream import StreamMethod
from sealwire._sync.stub_call import Deserialize, Serialize, StubMethod
from sealwire._sync.unary import UnaryMethod
from sealwire.status import call_error


class Channel(grpc.Channel):
    """A `grpc.Channel` whose calls are signed, tried again within their time, and verified. Make it by
    `sealwire.channel`.

    Threads may share it. Methods of `sealwire.v1`, health and reflection are passed through as they are.
    """

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection(settings)

    @property
    def connection(self) -> Connection:
        """What clients on the same connection need. Not for other use."""
        return self._connection

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool | None = False
    ) -> None:
        """Tells `callback` the connectivity to the first server, and its changes."""
        self._connection.channels[0].subscribe(callback, try_to_connect=bool(try_to_connect))

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        self._connection.channels[0].unsubscribe(callback)

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
        return _ClientStreaming()

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

    def _plain(self) -> grpc.Channel:
        connection = self._connection
        return connection.channels[connection.session.servers.next()]

    def close(self) -> None:
        """Ends all calls with CANCELLED, after jobs that are being cancelled, and closes the connections."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _ClientStreaming(StreamUnary, StreamStream):
    """A method that takes a stream of requests, as no tool does."""

    def __call__(self, *_arguments: Any, **_options: Any) -> Any:
        raise call_error(_failure())

    def with_call(self, *_arguments: Any, **_options: Any) -> Any:
        raise call_error(_failure())

    def future(self, *_arguments: Any, **_options: Any) -> Any:
        raise call_error(_failure())


def _failure() -> CallFailure:
    return invalid_request("A tool takes one request message, and this method takes a stream of them.")
