import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptions_IdempotencyLevel,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { BatchSumRequest } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import type { MethodDefinition } from "../../src/tools/implement.ts";
import type { SizeName } from "./size-names.ts";

/* The messages of the bench `sizes`, and the service that gives each back as it came. */

/** What is sent, by the name of its size. */
export const SIZES = {
  "numbers-3": { title: "3 numbers", method: "EchoNumbers", bytes: () => numbers(3) },
  "numbers-100": { title: "100 numbers", method: "EchoNumbers", bytes: () => numbers(100) },
  "numbers-10000": { title: "10,000 numbers", method: "EchoNumbers", bytes: () => numbers(10_000) },
  "struct-1": { title: "Struct of 1 KiB", method: "EchoStruct", bytes: () => struct(1024) },
  "struct-64": { title: "Struct of 64 KiB", method: "EchoStruct", bytes: () => struct(64 * 1024) },
  "struct-900": { title: "Struct of 900 KiB", method: "EchoStruct", bytes: () => struct(900 * 1024) },
  "bytes-1": { title: "bytes of 1 KiB", method: "EchoBytes", bytes: () => plainBytes(1024) },
  "bytes-64": { title: "bytes of 64 KiB", method: "EchoBytes", bytes: () => plainBytes(64 * 1024) },
  "bytes-900": { title: "bytes of 900 KiB", method: "EchoBytes", bytes: () => plainBytes(900 * 1024) },
} satisfies Record<SizeName, { readonly title: string; readonly method: EchoMethod; bytes(): Uint8Array }>;

/** Name of a method of {@link ECHO_SERVICE}. */
export type EchoMethod = "EchoNumbers" | "EchoStruct" | "EchoBytes";

interface PlainBytes {
  readonly data: Uint8Array;
}

/** As ts-proto would generate it. */
const PlainBytes = {
  encode({ data }: PlainBytes, writer = new BinaryWriter()): BinaryWriter {
    return data.length === 0 ? writer : writer.uint32(10).bytes(data);
  },
  decode(input: Uint8Array): PlainBytes {
    const reader = new BinaryReader(input);
    let data = new Uint8Array();
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 10) data = reader.bytes() as typeof data;
      else reader.skip(tag & 7);
    }
    return { data };
  },
};

const CODECS = { EchoNumbers: BatchSumRequest, EchoStruct: StartLongTaskRequest, EchoBytes: PlainBytes };

/** Full name of the message that a method takes and returns. */
export const ECHOED_TYPES: Readonly<Record<EchoMethod, string>> = {
  EchoNumbers: "sealwire.demo.v1.BatchSumRequest",
  EchoStruct: "sealwire.demo.v1.StartLongTaskRequest",
  EchoBytes: "bench.v1.PlainBytes",
};

const METHODS = Object.keys(ECHOED_TYPES) as EchoMethod[];

/** The service, as ts-proto would define it. */
export const ECHO_SERVICE = {
  name: "EchoService",
  fullName: "bench.v1.EchoService",
  methods: Object.fromEntries(METHODS.map((name) => [name, definition(name)])),
};

function definition(name: EchoMethod): MethodDefinition {
  const codec = CODECS[name] as MethodDefinition["requestType"];
  return { name, requestType: codec, responseType: codec, requestStream: false, responseStream: false, options: {} };
}

/** The service's file, as a serialized FileDescriptorSet without the files that it imports. */
export function echoDescriptors(): Uint8Array {
  const idempotencyLevel = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const method = METHODS.map((name) => {
    const type = `.${ECHOED_TYPES[name]}`;
    return { name, inputType: type, outputType: type, options: { idempotencyLevel } };
  });
  const data = { name: "data", jsonName: "data", number: 1, type: Type.BYTES, label: Label.OPTIONAL };
  const file = create(FileDescriptorProtoSchema, {
    name: "bench/v1/echo_service.proto",
    package: "bench.v1",
    syntax: "proto3",
    dependency: ["sealwire/demo/v1/batch_sum.proto", "sealwire/demo/v1/start_long_task.proto"],
    messageType: [{ name: "PlainBytes", field: [data] }],
    service: [{ name: ECHO_SERVICE.name, method }],
  });
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
}

function numbers(count: number): Uint8Array {
  return BatchSumRequest.encode({ numbers: Array.from({ length: count }, (_, index) => index + 0.5) }).finish();
}

function plainBytes(size: number): Uint8Array {
  return PlainBytes.encode({ data: Buffer.alloc(size, "0123456789abcdef") }).finish();
}

/** Records as an API returns them, as many as come to `size` bytes. */
function struct(size: number): Uint8Array {
  const encoded = (count: number): Uint8Array => {
    const rows = Array.from({ length: count }, (_, index) => row(index));
    return StartLongTaskRequest.encode({ seconds: 1, payload: { rows } }).finish();
  };
  const sample = 64;
  return encoded(Math.max(1, Math.floor((size * sample) / encoded(sample).length)));
}

function row(index: number): object {
  return {
    id: `item-${String(index).padStart(6, "0")}`,
    name: `Name of item number ${index}`,
    price: index * 1.25,
    active: index % 3 !== 0,
    tags: ["first", `group-${index % 10}`],
    note: "A note of some length, as people write them, déjà vu included.",
  };
}
