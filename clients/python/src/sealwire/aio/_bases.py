"""The classes of gRPC's asyncio API that are generic for type checkers, and in newer versions only."""

from typing import TYPE_CHECKING, Any

import grpc.aio

if TYPE_CHECKING:
    UnaryUnary = grpc.aio.UnaryUnaryMultiCallable[Any, Any]
    UnaryStream = grpc.aio.UnaryStreamMultiCallable[Any, Any]
    StreamUnary = grpc.aio.StreamUnaryMultiCallable[Any, Any]
    StreamStream = grpc.aio.StreamStreamMultiCallable[Any, Any]
    UnaryUnaryCall = grpc.aio.UnaryUnaryCall[Any, Any]
    UnaryStreamCall = grpc.aio.UnaryStreamCall[Any, Any]
else:
    UnaryUnary = grpc.aio.UnaryUnaryMultiCallable
    UnaryStream = grpc.aio.UnaryStreamMultiCallable
    StreamUnary = grpc.aio.StreamUnaryMultiCallable
    StreamStream = grpc.aio.StreamStreamMultiCallable
    UnaryUnaryCall = grpc.aio.UnaryUnaryCall
    UnaryStreamCall = grpc.aio.UnaryStreamCall
