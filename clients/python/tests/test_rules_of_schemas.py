"""The rules of buf.validate as keywords of JSON Schema, where the contract imports them."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from sealwire import tools
from sealwire.system.v1 import ListToolsResponse

PROTO = """
syntax = "proto3";
package rules.v1;
import "buf/validate/validate.proto";
enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1; COLOR_BLUE = 2; }
service RulesToolService { rpc Try(TryRequest) returns (TryResponse); }
message TryResponse {}
message TryRequest {
  // A name.
  string name = 1 [(buf.validate.field).string = {min_len: 2, max_len: 9, pattern: "^[a-z]+$"}];
  int32 count = 2 [(buf.validate.field).int32 = {gt: 0, lt: 10}];
  double share = 3 [(buf.validate.field).double = {gt: 0, lte: 1}];
  int64 large = 4 [(buf.validate.field).int64.gte = 5];
  repeated string tags = 5 [(buf.validate.field).repeated = {
    max_items: 3, unique: true, items: {string: {max_len: 4}}
  }];
  map<string, int32> sizes = 6 [(buf.validate.field).map = {min_pairs: 1, values: {int32: {gte: 1}}}];
  Color color = 7 [(buf.validate.field).enum = {defined_only: true, not_in: [0]}];
  string mail = 8 [(buf.validate.field) = {string: {email: true}, ignore: IGNORE_IF_ZERO_VALUE}];
  optional int32 maybe = 9 [(buf.validate.field).int32.gte = 1];
  string unit = 10 [(buf.validate.field).string = {in: ["m", "s"]}];
  string odd = 11 [(buf.validate.field).cel = {id: "odd", message: "must be odd", expression: "true"}];
  TryResponse inner = 12 [(buf.validate.field).required = true];
}
"""
pytestmark = pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="grpcio-tools is not installed")


@pytest.fixture
def properties(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "rules.proto").write_text(PROTO)
    imports = Path(__file__).parents[3] / "dist" / "proto"
    out = tmp_path / "rules.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(tmp_path), "-I", str(imports), "--include_imports"]
    subprocess.run([*command, "--include_source_info", f"--descriptor_set_out={out}", "rules.proto"], check=True)
    answer = ListToolsResponse(descriptor_set=FileDescriptorSet.FromString(out.read_bytes()).SerializeToString())
    answer.tools.add(name="try", method="rules.v1.RulesToolService.Try")
    (tool,) = tools.describe(answer)
    assert tool.input_schema["required"] == ["name", "count", "share", "large", "sizes", "color", "inner"]
    found: dict[str, Any] = tool.input_schema["properties"]
    return found


def test_rules_become_keywords(properties: dict[str, Any]) -> None:
    assert properties["name"] == {
        "type": "string",
        "minLength": 2,
        "maxLength": 9,
        "pattern": "^[a-z]+$",
        "description": "A name.",
    }
    assert properties["count"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert properties["share"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    assert properties["large"]["description"] == "A whole number, at least 5."
    assert properties["tags"] == {
        "type": "array",
        "items": {"type": "string", "maxLength": 4},
        "maxItems": 3,
        "uniqueItems": True,
    }
    assert properties["sizes"]["minProperties"] == 1
    assert properties["sizes"]["additionalProperties"]["minimum"] == 1
    assert properties["color"] == {"type": "string", "enum": ["COLOR_RED", "COLOR_BLUE"]}
    assert properties["mail"] == {"type": "string", "format": "email"}
    assert properties["maybe"]["minimum"] == 1
    assert properties["unit"] == {"type": "string", "enum": ["m", "s"]}
    assert properties["odd"]["description"] == "must be odd"
