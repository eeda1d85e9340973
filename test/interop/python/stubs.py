"""The generated messages and stubs that the agent knows by their names."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from google.protobuf import symbol_database
from google.protobuf.message import Message

SERVICES = {
    "sealwire.demo.v1.DemoToolService": "sealwire.demo.v1.demo_tool_service_pb2_grpc",
    "sealwire.system.v1.SystemToolService": "sealwire.system.v1.system_tool_service_pb2_grpc",
    "interop.v1.InteropToolService": "interop.v1.interop_tool_service_pb2_grpc",
    "interop.v1.AbsentToolService": "interop.v1.absent_tool_service_pb2_grpc",
    "grpc.health.v1.Health": "grpc_health.v1.health_pb2_grpc",
}
STREAMING = {"Climb", "WatchJob", "WatchJobs", "Watch"}


def load() -> None:
    """Loads all generated modules, so that their messages are known."""
    for service in SERVICES.values():
        package = importlib.import_module(service.rpartition(".")[0])
        for name in _modules_of(package):
            importlib.import_module(name)


def _modules_of(package: ModuleType) -> list[str]:
    found = pkgutil.iter_modules(package.__path__, package.__name__ + ".")
    return [each.name for each in found if each.name.endswith(("_pb2", "_pb2_grpc"))]


def message(name: str) -> type[Message]:
    """The class of a message by its full name."""
    kind: type[Message] = symbol_database.Default().GetSymbol(name)
    return kind


def method(channel: Any, path: str) -> tuple[Any, type[Message], bool]:
    """A method of an ordinary generated stub, its request message, and whether it answers with a stream."""
    service, _, name = path.partition("/")
    stub = getattr(importlib.import_module(SERVICES[service]), service.rpartition(".")[2] + "Stub")
    package = service.rpartition(".")[0]
    request = "grpc.health.v1.HealthCheckRequest" if package == "grpc.health.v1" else f"{package}.{name}Request"
    return getattr(stub(channel), name), message(request), name in STREAMING
