"""JSON Schema of requests, made from descriptors with rules."""

from typing import Any

import pytest
from google.protobuf import any_pb2, duration_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from peer import contract

from sealwire import tools
from sealwire.json_schema import schema_of
from sealwire.system.v1 import ListToolsResponse

Field = FieldDescriptorProto
WELL_KNOWN = (any_pb2, duration_pb2, struct_pb2, timestamp_pb2)


def described() -> dict[str, tools.Tool]:
    answer = ListToolsResponse(descriptor_set=contract())
    service = "sealwire.demo.v1.DemoToolService"
    answer.tools.add(name="batch_sum", description="Adds up.", method=f"{service}.BatchSum", read_only=True)
    answer.tools.add(name="start_long_task", method=f"{service}.StartLongTask").job.max_attempts = 3
    answer.tools.add(name="list_jobs", method="sealwire.system.v1.SystemToolService.ListJobs")
    return {tool.name: tool for tool in tools.describe(answer)}


def test_tools_are_described_without_those_of_every_server() -> None:
    found = described()
    assert list(found) == ["batch_sum", "start_long_task"]
    assert (found["batch_sum"].read_only, found["batch_sum"].is_job) == (True, False)
    assert found["start_long_task"].is_job


def test_a_contract_without_descriptors_is_refused() -> None:
    answer = ListToolsResponse()
    answer.tools.add(name="batch_sum", method="sealwire.demo.v1.DemoToolService.BatchSum")
    with pytest.raises(ValueError, match="BatchSum"):
        tools.describe(answer)


def test_arguments_and_outputs_are_json() -> None:
    tool = described()["batch_sum"]
    request = tool.request({"numbers": [1, 2.5]})
    assert request.SerializeToString().hex() == "0a10000000000000f03f0000000000000440"
    assert tool.output(tool.response_type.FromString(bytes.fromhex("0802"))) == {"count": 2}
    with pytest.raises(ValueError, match=r"batch_sum.*more"):
        tool.request({"more": 1})


def schema(*fields: Field, oneofs: int = 0) -> Any:
    """The schema of a message with these fields."""
    file = FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    pool = DescriptorPool()
    for module in WELL_KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        file.dependency.append(module.DESCRIPTOR.name)
    message = file.message_type.add(name="M")
    for number, field in enumerate(fields, 1):
        field.number = number
        field.label = field.label or Field.LABEL_OPTIONAL
        message.field.append(field)
    for index in range(oneofs):
        message.oneof_decl.add(name=f"choice{index}")
    color = file.enum_type.add(name="Color")
    for number, name in enumerate(("COLOR_UNSPECIFIED", "COLOR_RED")):
        color.value.add(name=name, number=number)
    pool.Add(file)
    made = schema_of(pool.FindMessageTypeByName("t.M"), {"t.M.text": "What to say."})
    assert (made["type"], made["additionalProperties"]) == ("object", False)
    return made


def test_each_kind_of_field_has_its_schema() -> None:
    made = schema(
        Field(name="text", type=Field.TYPE_STRING),
        Field(name="flag", type=Field.TYPE_BOOL),
        Field(name="data", type=Field.TYPE_BYTES),
        Field(name="small", type=Field.TYPE_UINT32),
        Field(name="large", type=Field.TYPE_INT64),
        Field(name="ratio", type=Field.TYPE_DOUBLE),
        Field(name="color", type=Field.TYPE_ENUM, type_name=".t.Color"),
        Field(
            name="times", type=Field.TYPE_MESSAGE, type_name=".google.protobuf.Timestamp", label=Field.LABEL_REPEATED
        ),
        Field(name="any", type=Field.TYPE_MESSAGE, type_name=".google.protobuf.Any"),
        Field(name="object", type=Field.TYPE_MESSAGE, type_name=".google.protobuf.Struct"),
        Field(name="span", type=Field.TYPE_MESSAGE, type_name=".google.protobuf.Duration"),
    )["properties"]
    assert made["text"] == {"type": "string", "description": "What to say."}
    assert made["flag"] == {"type": "boolean"}
    assert made["data"] == {"type": "string", "contentEncoding": "base64"}
    assert made["small"] == {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
    assert made["large"] == {"type": "string", "pattern": "^-?[0-9]{1,19}$"}
    assert made["ratio"] == {"type": "number"}
    assert made["color"] == {"type": "string", "enum": ["COLOR_UNSPECIFIED", "COLOR_RED"]}
    assert made["times"] == {"type": "array", "items": {"type": "string", "format": "date-time"}}
    assert made["any"]["required"] == ["@type"]
    assert made["object"] == {"type": "object"}
    assert made["span"]["pattern"] == r"^-?[0-9]+(\.[0-9]{1,9})?s$"


def test_one_of_several_fields_is_told() -> None:
    made = schema(
        Field(name="one", type=Field.TYPE_STRING, oneof_index=0),
        Field(name="other", type=Field.TYPE_INT32, oneof_index=0),
        oneofs=1,
    )
    assert made["description"] == "Set at most one of: one, other."
    assert "required" not in made


def test_a_message_inside_itself_ends_as_any_object() -> None:
    made = schema(Field(name="inner", type=Field.TYPE_MESSAGE, type_name=".t.M"))
    assert made["properties"]["inner"]["properties"]["inner"] == {"type": "object"}
