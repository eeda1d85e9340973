"""The tools that a server offers the client's key, from its signed `list_tools`."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from google.protobuf.message import DecodeError

from sealwire._core.failure import CallFailure, invalid_response
from sealwire._core.job_answer import decode
from sealwire._core.pins import ListedDefinitions, Pins
from sealwire.system.v1.list_tools_pb2 import ListToolsResponse, ToolDescription

_PROGRESS_TYPE = ".sealwire.v1.JobProgress"
_SYSTEM_PATH = "/sealwire.system.v1."
# Age in seconds from which a call of a known method fetches the contract again, without waiting for it.
_REFRESH = 10.0
# Minimum age at which an unknown method waits for a newer contract.
_RECENT = 1.0
_MAX_PATH_LENGTH = 100


@dataclass(frozen=True, slots=True)
class ToolMethod:
    """A method of the contract."""

    tool: str
    request_type: str
    response_type: str
    is_job: bool
    is_repeatable: bool
    """True if a call that is carried out twice does no harm. Never true of a job."""
    progress: int | None
    """Number of the field that has the progress of a streaming job method; None for all others."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The tools by gRPC path, and by their names."""

    methods: Mapping[str, ToolMethod]
    tools: Mapping[str, ToolMethod]
    definitions: ListedDefinitions

    def not_offered(self, path: str) -> CallFailure:
        """The failure of a call to a method that is no tool."""
        paths = sorted(self.methods, key=lambda each: (each.startswith(_SYSTEM_PATH), each))
        names = ", ".join(each[1:] for each in paths)
        failure = CallFailure(
            "TOOL_FORBIDDEN",
            f"{path[1:][:_MAX_PATH_LENGTH]} is no tool that you may call. There are: {names}",
            code=grpc.StatusCode.UNIMPLEMENTED,
        )
        failure.has_not_begun = True
        return failure


def read_contract(answer: bytes) -> Contract:
    """Reads a verified `list_tools` answer with descriptors. Raises CallFailure RESPONSE_INVALID."""
    response = decode(ListToolsResponse, answer)
    try:
        files = FileDescriptorSet.FromString(response.descriptor_set)
    except DecodeError as error:
        raise invalid_response("The descriptors in the server's list_tools answer do not decode.") from error
    messages: dict[str, DescriptorProto] = {}
    methods: dict[str, MethodDescriptorProto] = {}
    for file in files.file:
        prefix = f".{file.package}" if file.package else ""
        for message in file.message_type:
            messages.update(_with_nested(prefix, message))
        for service in file.service:
            for method in service.method:
                methods[f"{prefix}.{service.name}.{method.name}"[1:]] = method
    by_path: dict[str, ToolMethod] = {}
    by_name: dict[str, ToolMethod] = {}
    for description in response.tools:
        found = methods.get(description.method)
        if found is None:
            continue
        service_name, _, name = description.method.rpartition(".")
        tool = _tool_method(description, found, messages)
        by_path[f"/{service_name}/{name}"] = by_name[tool.tool] = tool
    return Contract(by_path, by_name, ListedDefinitions(response.tools, response.descriptor_set))


def _with_nested(prefix: str, message: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    name = f"{prefix}.{message.name}"
    yield name, message
    for nested in message.nested_type:
        yield from _with_nested(name, nested)


def _tool_method(
    description: ToolDescription, method: MethodDescriptorProto, messages: Mapping[str, DescriptorProto]
) -> ToolMethod:
    is_job = description.HasField("job")
    return ToolMethod(
        tool=description.name,
        request_type=method.input_type[1:],
        response_type=method.output_type[1:],
        is_job=is_job,
        is_repeatable=description.idempotent and not is_job,
        progress=_progress_field(method, messages) if is_job and method.server_streaming else None,
    )


def _progress_field(method: MethodDescriptorProto, messages: Mapping[str, DescriptorProto]) -> int:
    output = messages.get(method.output_type, DescriptorProto())
    repeated = FieldDescriptorProto.LABEL_REPEATED
    found = [field.number for field in output.field if field.type_name == _PROGRESS_TYPE and field.label != repeated]
    if len(found) != 1:
        raise invalid_response(f"{method.output_type[1:]} must have one field of type {_PROGRESS_TYPE[1:]}.")
    return found[0]


class ContractCache:
    """The newest contract. Its owner fetches it again while it is used, so that new tools need no new channel."""

    def __init__(self, pins: Pins) -> None:
        self.known: Contract | None = None
        self._pins = pins
        self._answer = b""
        self._fetched_at = float("-inf")

    def find(self, path: str) -> ToolMethod | None:
        """The method behind a gRPC path, as far as it is known."""
        return self.known.methods.get(path) if self.known is not None else None

    def accepts(self, path: str) -> bool:
        """True if the method is known, and its definition is the pinned one."""
        method = self.find(path)
        return method is not None and self._accepts(method.tool, None)

    def accepts_tool(self, tool: str, definition_digest: str | None) -> bool:
        """True if the tool is known, and its definition is the given one, or else the pinned one."""
        return self.known is not None and tool in self.known.tools and self._accepts(tool, definition_digest)

    def digest_to_send(self, tool: str, definition_digest: str | None = None) -> str:
        """The digest to send with a call: see `ListedDefinitions.to_send`. `definition_digest` replaces the pin."""
        pinned = definition_digest or self._pins.get(tool)
        return self.known.definitions.to_send(tool, pinned) if self.known is not None else ""

    def _accepts(self, tool: str, definition_digest: str | None) -> bool:
        pinned = definition_digest or self._pins.get(tool)
        return self.known is not None and self.known.definitions.accepts(tool, pinned)

    @property
    def is_stale(self) -> bool:
        """True if it is to be fetched again, without waiting for it."""
        return time.monotonic() - self._fetched_at > _REFRESH

    @property
    def is_recent(self) -> bool:
        """True if a method that is not in it is certainly no tool."""
        return self.known is not None and time.monotonic() - self._fetched_at < _RECENT

    def adopt(self, answer: bytes) -> Contract:
        """Reads a verified answer that has just arrived."""
        known = self.known
        if known is None or answer != self._answer:
            known = read_contract(answer)
            self._answer = answer
            self.known = known
        self._fetched_at = time.monotonic()
        return known
