import { clone, create, fromJson, type Message, setExtension, toBinary } from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import {
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";

const PACKAGE = "bench.v1";
/** Full name of the service in {@link manyTools}. */
export const MANY_SERVICE = `${PACKAGE}.ManyToolService`;

/** The serialized contract of tools with request messages of their own, whose rules differ between versions. */
export function manyTools(count: number, version: number): Uint8Array {
  const registry = builtinImage().registry;
  const rule = registry.getExtension("buf.validate.field");
  if (rule?.message === undefined) throw new Error("buf.validate is not in the image");
  const rules = fromJson(rule.message, {
    string: { minLen: "1", maxLen: String(100 + version), email: true },
    cel: [{ id: "bench.version", message: "is refused", expression: `this != 'version ${version}'` }],
  });
  const options = create(FieldOptionsSchema);
  setExtension(options as Message, rule as GenExtension<Message, Message>, rules);
  const numbers = messageDesc(builtinImage(), "sealwire.demo.v1.BatchSumRequest").field.numbers?.proto;
  if (numbers === undefined) throw new Error("BatchSumRequest has no numbers");
  const name = create(FieldDescriptorProtoSchema, {
    ...{ name: "name", number: 2, label: 1, type: FieldDescriptorProto_Type.STRING, options },
  });
  const places = Array.from({ length: count }, (_, index) => index + 1);
  const file = create(FileDescriptorProtoSchema, {
    name: "bench/v1/many_tool_service.proto",
    package: PACKAGE,
    syntax: "proto3",
    dependency: ["buf/validate/validate.proto", "sealwire/demo/v1/batch_sum.proto"],
    messageType: places.map((place) => ({
      name: `Tool${place}Request`,
      field: [clone(FieldDescriptorProtoSchema, numbers), name],
    })),
    service: [
      {
        name: "ManyToolService",
        method: places.map((place) => ({
          name: `Tool${place}`,
          inputType: `.${PACKAGE}.Tool${place}Request`,
          outputType: ".sealwire.demo.v1.BatchSumResponse",
        })),
      },
    ],
  });
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
}
