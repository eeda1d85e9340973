"""Definition digests: whether a tool is still what somebody has accepted (docs/protocol.md, Tool definitions).

```python
answer = client.list_tools(include_descriptors=True)
pins = {tool.name: sealwire.definition_digest(tool, answer.descriptor_set) for tool in answer.tools}
```
"""

import hashlib
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from sealwire._core.declarations import Declarations, DeclaredType
from sealwire._core.wire_format import fields_of, last_content, last_varint, message_in
from sealwire.signing import pae
from sealwire.system.v1.list_tools_pb2 import ToolDescription
from sealwire.v1.options_pb2 import ToolOptions, job, tool

# Fields of a MethodDescriptorProto and of its options.
_INPUT_TYPE, _OUTPUT_TYPE, _OPTIONS = 2, 3, 4
_IDEMPOTENCY_LEVEL = 34
_EFFECTS = {1: b"read_only", 2: b"idempotent"}
# Types whose JSON form is fixed. They are the same in every contract.
_FIXED = {
    b"google.protobuf." + name
    for name in (
        *(b"Any", b"Timestamp", b"Duration", b"FieldMask", b"Empty", b"Struct", b"Value", b"ListValue", b"NullValue"),
        *(b"BoolValue", b"BytesValue", b"DoubleValue", b"FloatValue", b"Int32Value", b"Int64Value", b"StringValue"),
        *(b"UInt32Value", b"UInt64Value"),
    )
}


@dataclass(frozen=True, slots=True)
class Definition:
    """What a model is shown of a tool."""

    description: str
    """The comment of its method."""
    read_only: bool
    idempotent: bool
    is_job: bool
    digest: str
    """64 hex digits."""


def definition_digest(tool: ToolDescription, descriptor_set: bytes) -> str:
    """Computes the digest of a tool's definition from a verified `list_tools` answer with descriptors: 64 hex digits.

    Only the name and the method of `tool` are used. What the server states as its digest is not: a server that changes
    a tool may state the earlier one. Raises ValueError if the descriptors cannot be read or have no such method.
    """
    return definition_in(Declarations(descriptor_set), tool).digest


def definition_in(declarations: Declarations, description: ToolDescription) -> Definition:
    """Reads the definition of a tool. Raises ValueError."""
    path = description.method.encode()
    method = declarations.method(path)
    if method is None:
        raise ValueError(f"there is no descriptor of {description.method}")
    options = message_in(method.data, _OPTIONS)
    try:
        hints = ToolOptions.FromString(message_in(options, tool.number))
    except DecodeError as error:
        raise ValueError(f"the options of {description.method} do not decode") from error
    is_job = any(each.number == job.number and each.content is not None for each in fields_of(options))
    effect = _EFFECTS.get(last_varint(options, _IDEMPOTENCY_LEVEL), b"")
    request_type = last_content(method.data, _INPUT_TYPE).removeprefix(b".")
    response_type = last_content(method.data, _OUTPUT_TYPE).removeprefix(b".")
    encoded = pae(
        b"definition",
        description.name.encode(),
        hints.title.encode(),
        method.comment,
        path,
        request_type,
        response_type,
        b"job" if is_job else b"call",
        effect,
        _hint(hints.destructive_hint if hints.HasField("destructive_hint") else None, hints.destructive),
        _hint(hints.open_world_hint if hints.HasField("open_world_hint") else None, hints.open_world),
        hints.input_schema.encode(),
        hints.output_schema.encode(),
        *(
            pae(each.name, each.declaration, *each.comments)
            for each in _closure(declarations, request_type, response_type)
        ),
    )
    return Definition(
        description=method.comment.decode(errors="replace"),
        read_only=effect == b"read_only",
        idempotent=effect != b"",
        is_job=is_job,
        digest=hashlib.sha256(encoded).hexdigest(),
    )


def _hint(stated: bool | None, earlier: bool) -> bytes:
    """A hint as text; `earlier` is the deprecated field, which counts if it is true."""
    if stated is None:
        return b"true" if earlier else b""
    return b"true" if stated else b"false"


def _closure(declarations: Declarations, *roots: bytes) -> list[DeclaredType]:
    """The types that the roots use, directly or not, sorted by name."""
    seen: set[bytes] = set()
    found: list[DeclaredType] = []
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in seen or name in _FIXED:
            continue
        seen.add(name)
        declared = declarations.type(name)
        if declared is not None:
            found.append(declared)
            waiting.extend(declared.uses)
    return sorted(found, key=lambda each: each.name)
