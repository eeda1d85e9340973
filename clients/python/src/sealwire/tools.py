"""The tools of a server for programs that know them at run time only, such as agents of a model.

```python
for tool in sealwire.tools.describe(client.list_tools(include_descriptors=True)):
    print(tool.name, tool.description, tool.input_schema)
answer = client.call(tool.name, tool.request({"numbers": [1, 2]}), tool.response_type)
print(tool.output(answer))
```
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from sealwire._core.declarations import Declarations
from sealwire.definitions import definition_in
from sealwire.json_schema import Schema, schema_of
from sealwire.system.v1.list_tools_pb2 import ListToolsResponse

_SYSTEM = "sealwire.system.v1."
# Numbers of fields in descriptor.proto, of which paths in source_code_info consist.
_MESSAGE, _FIELD, _NESTED = 4, 2, 3


@dataclass(frozen=True)
class Tool:
    """A tool as the signed contract describes it."""

    name: str
    description: str
    """The comment above its method."""
    read_only: bool
    """True if a call changes nothing."""
    idempotent: bool
    """True if a repeated call has no further effect."""
    is_job: bool
    """True if it runs as a job, which may take long."""
    definition_digest: str
    """Changes when what a model is shown of the tool does, comments included. Computed from the contract."""
    request_type: type[Message] = field(repr=False)
    response_type: type[Message] = field(repr=False)
    _pool: DescriptorPool = field(repr=False, compare=False)
    _comments: Mapping[str, str] = field(repr=False, compare=False)

    @cached_property
    def input_schema(self) -> Schema:
        """The JSON Schema of its arguments; see `sealwire.json_schema`."""
        kind: Any = self.request_type.DESCRIPTOR
        return schema_of(kind, self._comments)

    def request(self, arguments: Mapping[str, Any]) -> Message:
        """Makes a request of arguments in JSON form. Raises ValueError, which names the field."""
        try:
            made: Message = ParseDict(dict(arguments), self.request_type(), descriptor_pool=self._pool)
        except Exception as error:
            raise ValueError(f"The arguments of {self.name} do not fit: {error}") from error
        return made

    def output(self, response: Message) -> dict[str, Any]:
        """Returns an output in JSON form, with the names of the contract; int64 as text."""
        made: dict[str, Any] = MessageToDict(response, preserving_proto_field_name=True, descriptor_pool=self._pool)
        return made


def describe(answer: ListToolsResponse, *, include_system: bool = False) -> list[Tool]:
    """Describes the tools of a verified `list_tools` answer with descriptors, by name. `include_system`: also the tools
    that every server has. Raises ValueError if the answer has no descriptors of a tool."""
    files = FileDescriptorSet.FromString(answer.descriptor_set)
    pool = _pool_of(files)
    declarations = Declarations(answer.descriptor_set)
    comments = {name: text for file in files.file for name, text in _comments_of(file)}
    tools = []
    for each in answer.tools:
        if each.method.startswith(_SYSTEM) and not include_system:
            continue
        service, _, name = each.method.rpartition(".")
        try:
            method = pool.FindServiceByName(service).methods_by_name[name]
        except KeyError as error:
            raise ValueError(f"The list of tools has no descriptor of {each.method}; ask for descriptors.") from error
        # What the list says beside the contract is not in the digest that a caller accepts.
        definition = definition_in(declarations, each)
        tools.append(
            Tool(
                name=each.name,
                description=definition.description,
                read_only=definition.read_only,
                idempotent=definition.idempotent,
                is_job=definition.is_job,
                definition_digest=definition.digest,
                request_type=_class_of(method.input_type),
                response_type=_class_of(method.output_type),
                _pool=pool,
                _comments=comments,
            )
        )
    return tools


def _class_of(kind: Descriptor) -> type[Message]:
    made: type[Message] = GetMessageClass(kind)
    return made


def _pool_of(files: FileDescriptorSet) -> DescriptorPool:
    """A pool of their own for the descriptors: those of the process are untouched."""
    pool = DescriptorPool()
    by_name = {file.name: file for file in files.file}
    added: set[str] = set()

    def add(file: FileDescriptorProto) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for dependency in file.dependency:
            if dependency in by_name:
                add(by_name[dependency])
        pool.AddSerializedFile(file.SerializeToString())

    for file in files.file:
        add(file)
    return pool


def _comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """The comments of a file's fields by their full names."""
    texts = {
        tuple(location.path): " ".join((location.leading_comments or location.trailing_comments).split())
        for location in file.source_code_info.location
        if location.leading_comments or location.trailing_comments
    }
    prefix = f"{file.package}." if file.package else ""
    for index, message in enumerate(file.message_type):
        yield from _comments_in(message, prefix, (_MESSAGE, index), texts)


def _comments_in(
    message: DescriptorProto, prefix: str, path: tuple[int, ...], texts: Mapping[tuple[int, ...], str]
) -> Iterator[tuple[str, str]]:
    name = prefix + message.name
    for index, each in enumerate(message.field):
        text = texts.get((*path, _FIELD, index))
        if text:
            yield f"{name}.{each.name}", text
    for index, nested in enumerate(message.nested_type):
        yield from _comments_in(nested, f"{name}.", (*path, _NESTED, index), texts)
