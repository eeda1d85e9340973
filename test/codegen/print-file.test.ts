import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, type DescFile, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printFile } from "../../src/codegen/print-file.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("codegen/print-file");

const buf = join(import.meta.dirname, "..", "..", "node_modules", ".bin", "buf");

/** Compiles one file with buf, without comments, and gives its descriptor with those of its imports. */
function compile(name: string, text: string): { file: DescFile; proto: FileDescriptorProto } {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-printer-"));
  try {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
    const image = join(folder, "image.binpb");
    execFileSync(buf, ["build", folder, "--as-file-descriptor-set", "--exclude-source-info", "-o", image]);
    const set = fromBinary(FileDescriptorSetSchema, readFileSync(image));
    const proto = set.file.find((file) => file.name === name);
    const file = createFileRegistry(set).getFile(name);
    if (proto === undefined || file === undefined) throw new Error(`buf made no ${name}`);
    return { file, proto };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function descriptorBytes(proto: FileDescriptorProto): Buffer {
  return Buffer.from(toBinary(FileDescriptorProtoSchema, proto));
}

test("buf makes the exported descriptor of validate.proto from the printed text, byte for byte", () => {
  const { proto } = compile("buf/validate/validate.proto", printFile(file_buf_validate_validate));
  assert.ok(descriptorBytes(proto).equals(descriptorBytes(file_buf_validate_validate.proto)));
});

test("a printed file compiles to the descriptor it was printed from", () => {
  const text = `syntax = "proto2";
    package example.v1;
    import "google/protobuf/descriptor.proto";
    option java_package = "com.example \\"quoted\\" \\\\ \\001";
    extend google.protobuf.FieldOptions { optional Note note = 50001; }
    message Note { optional string text = 1; repeated Note notes = 2; optional bool loud = 3; }
    message Outer {
      required string name = 1;
      oneof choice { int32 number = 2; Inner inner = 3; }
      repeated Level levels = 4 [(note) = {text: "line\\nbreak", notes: [{text: "\\"a\\""}, {loud: true}]}];
      message Inner { optional bytes data = 1; extend Outer { optional double weight = 100; } }
      enum Level { LEVEL_UNSPECIFIED = 0; LEVEL_HIGH = -1; reserved 5 to 7, 9; reserved "LEVEL_OLD"; }
      reserved 10, 12 to 14;
      reserved "gone", "lost";
      extensions 100 to 199, 1000 to max;
    }`;
  const { file, proto } = compile("example/v1/example.proto", text);
  const again = compile("example/v1/example.proto", printFile(file));
  assert.ok(descriptorBytes(again.proto).equals(descriptorBytes(proto)));
});

const unprintable: Record<string, string> = {
  "a service": "message M {} service S { rpc Call(M) returns (M); }",
  "a default value": "message M { optional int32 n = 1 [default = 4]; }",
  "a JSON name of its own": 'message M { optional int32 n = 1 [json_name = "count"]; }',
  "a built-in field option": "message M { optional int32 n = 1 [deprecated = true]; }",
  "a message option": "message M { option deprecated = true; }",
  "a group": "message M { optional group G = 1 { optional int32 n = 2; } }",
  "a map": "message M { map<string, int32> counts = 1; }",
  "an enum alias": "enum E { option allow_alias = true; A = 0; B = 0; }",
  "a declared extension range": "message M { extensions 4 to 9 [verification = UNVERIFIED]; }",
};

for (const [name, text] of Object.entries(unprintable)) {
  test(`${name} is refused rather than left out`, () => {
    const { file } = compile("a.proto", `syntax = "proto2"; package a; ${text}`);
    assert.throws(() => printFile(file), /cannot print/);
  });
}

test("a oneof that another field interrupts is refused", () => {
  const text =
    'syntax = "proto2"; package a; message M { oneof o { int32 a = 1; int32 c = 3; } optional int32 b = 2; }';
  const { file } = compile("a.proto", text);
  file.proto.messageType[0]?.field.sort((a, b) => a.number - b.number);
  assert.throws(() => printFile(file), /cannot print M\.o: other fields stand between its own/);
});

test("proto3 is refused", () => {
  const { file } = compile("a.proto", 'syntax = "proto3"; package a; message M { int32 n = 1; }');
  assert.throws(() => printFile(file), /cannot print google\.protobuf\.FileDescriptorProto\.syntax/);
});

test.run();
