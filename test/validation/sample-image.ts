import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { builtinDescriptorSet, type Image, messageDesc, readImage } from "../../src/wire/descriptors.ts";

type TypeName = keyof typeof FieldDescriptorProto_Type;

interface FieldOptions {
  readonly of?: string;
  readonly list?: boolean;
  readonly optional?: number;
  readonly oneof?: number;
  readonly required?: boolean;
  readonly packed?: boolean;
}

function field(name: string, number: number, type: TypeName, options: FieldOptions = {}): FieldDescriptorProto {
  const label = options.list ? "REPEATED" : options.required ? "REQUIRED" : "OPTIONAL";
  const oneof = options.optional ?? options.oneof;
  return create(FieldDescriptorProtoSchema, {
    name,
    number,
    label: FieldDescriptorProto_Label[label],
    type: FieldDescriptorProto_Type[type],
    ...(options.of === undefined ? {} : { typeName: options.of }),
    ...(options.optional === undefined ? {} : { proto3Optional: true }),
    ...(oneof === undefined ? {} : { oneofIndex: oneof }),
    ...(options.packed === undefined ? {} : { options: { packed: options.packed } }),
  });
}

const SAMPLE = ".sealwire.test.v1.Sample";
const COLOR = ".sealwire.test.v1.Color";

interface MapField {
  readonly name: string;
  readonly number: number;
  readonly key: TypeName;
  readonly value: TypeName;
  readonly of?: string;
}

const MAPS: readonly MapField[] = [
  { name: "by_text", number: 30, key: "STRING", value: "STRING" },
  { name: "by_int32", number: 31, key: "INT32", value: "INT32" },
  { name: "by_int64", number: 32, key: "INT64", value: "BYTES" },
  { name: "by_uint32", number: 33, key: "UINT32", value: "FIXED32" },
  { name: "by_uint64", number: 34, key: "UINT64", value: "DOUBLE" },
  { name: "by_sint32", number: 35, key: "SINT32", value: "ENUM", of: COLOR },
  { name: "by_sint64", number: 36, key: "SINT64", value: "FLOAT" },
  { name: "by_fixed32", number: 37, key: "FIXED32", value: "BOOL" },
  { name: "by_fixed64", number: 38, key: "FIXED64", value: "SFIXED64" },
  { name: "by_sfixed32", number: 39, key: "SFIXED32", value: "SINT32" },
  { name: "by_sfixed64", number: 40, key: "SFIXED64", value: "UINT64" },
  { name: "by_bool", number: 41, key: "BOOL", value: "MESSAGE", of: SAMPLE },
];

function camel(name: string): string {
  return name.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

function entryName(map: MapField): string {
  return `${camel(map.name)}Entry`;
}

/** More singular fields than fit into the 31 bits in which the strict parse notes what it has seen. */
const MANY = Array.from({ length: 40 }, (_, i) => field(`f${i + 1}`, i + 1, "INT32"));

const files = create(FileDescriptorSetSchema, {
  file: [
    {
      name: "sealwire/test/v1/sample.proto",
      package: "sealwire.test.v1",
      syntax: "proto3",
      dependency: ["google/protobuf/struct.proto", "google/protobuf/any.proto"],
      enumType: [
        {
          name: "Color",
          value: [
            { name: "COLOR_UNSPECIFIED", number: 0 },
            { name: "COLOR_RED", number: 1 },
            { name: "COLOR_DARK", number: -1 },
          ],
        },
      ],
      messageType: [
        {
          name: "Sample",
          field: [
            field("flag", 1, "BOOL"),
            field("number", 2, "INT32"),
            field("text", 3, "STRING"),
            field("data", 4, "BYTES"),
            field("ratio", 5, "DOUBLE"),
            field("small_ratio", 6, "FLOAT"),
            field("unsigned", 7, "UINT32"),
            field("zigzag", 8, "SINT32"),
            field("wide", 9, "INT64"),
            field("color", 10, "ENUM", { of: COLOR }),
            field("maybe_number", 11, "INT32", { optional: 1 }),
            field("numbers", 12, "INT32", { list: true }),
            field("ratios", 13, "DOUBLE", { list: true }),
            field("texts", 14, "STRING", { list: true }),
            field("children", 15, "MESSAGE", { list: true, of: SAMPLE }),
            field("loose_numbers", 16, "SINT64", { list: true, packed: false }),
            field("loose_words", 17, "FIXED32", { list: true, packed: false }),
            field("child", 18, "MESSAGE", { of: SAMPLE }),
            field("choice_text", 19, "STRING", { oneof: 0 }),
            field("choice_number", 20, "UINT64", { oneof: 0 }),
            field("payload", 21, "MESSAGE", { of: ".google.protobuf.Struct" }),
            field("anything", 22, "MESSAGE", { of: ".google.protobuf.Any" }),
            field("colors", 23, "ENUM", { list: true, of: COLOR }),
            ...MAPS.map((map) =>
              field(map.name, map.number, "MESSAGE", { list: true, of: `${SAMPLE}.${entryName(map)}` }),
            ),
          ],
          oneofDecl: [{ name: "choice" }, { name: "_maybe_number" }],
          nestedType: MAPS.map((map) => ({
            name: entryName(map),
            options: { mapEntry: true },
            field: [field("key", 1, map.key), field("value", 2, map.value, map.of === undefined ? {} : { of: map.of })],
          })),
        },
        { name: "Many", field: MANY },
      ],
    },
    {
      name: "sealwire/test/v1/legacy.proto",
      package: "sealwire.test.v1",
      syntax: "proto2",
      enumType: [
        {
          name: "Size",
          value: [
            { name: "SMALL", number: 0 },
            { name: "LARGE", number: 1 },
          ],
        },
      ],
      messageType: [
        {
          name: "Legacy",
          field: [
            field("must", 1, "INT32", { required: true }),
            field("size", 2, "ENUM", { of: ".sealwire.test.v1.Size" }),
            field("sizes", 3, "ENUM", { list: true, of: ".sealwire.test.v1.Size" }),
            field("text", 4, "STRING"),
            field("block", 5, "GROUP", { of: ".sealwire.test.v1.Legacy.Block" }),
          ],
          nestedType: [{ name: "Block", field: [field("a", 1, "INT32")] }],
        },
      ],
    },
  ],
});

/** Serialized descriptors of `sealwire.test.v1`: one message with a field of nearly every type, one in proto2. */
export const sampleDescriptorSet: Uint8Array = toBinary(FileDescriptorSetSchema, files);

/** The built-in image with `sealwire.test.v1`. */
export const sampleImage: Image = readImage(builtinDescriptorSet(), sampleDescriptorSet);

/** Descriptor of `sealwire.test.v1.<name>`. */
export function sampleDesc(name: "Sample" | "Legacy" | "Many"): DescMessage {
  return messageDesc(sampleImage, `sealwire.test.v1.${name}`);
}

/** Reads hex digits, spaces ignored. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}
