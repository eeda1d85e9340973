import { create, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { CallToolRequest, CallToolResponse } from "../../../gen/sealwire/mcp/v1/call_tool.ts";
import type { Content } from "../../../gen/sealwire/mcp/v1/content.ts";
import { ToolOptions } from "../../../gen/sealwire/v1/options.ts";
import { outputBytes } from "../../../src/tools/handler.ts";
import { implement, type MessageCodec, type ToolImplementation } from "../../../src/tools/implement.ts";

/* Two tools: files_draw has the messages of MCP; echo_wide takes and returns a number of 64 bits. */

const TOOL_OPTION_FIELD = 50611;
const LENGTH_DELIMITED = 2;
const SCHEMA = JSON.stringify({ type: "object", properties: { shape: { type: "string" } } });

function toolOptions() {
  const bytes = ToolOptions.encode(
    ToolOptions.fromPartial({ name: "files_draw", inputSchema: SCHEMA, outputSchema: SCHEMA }),
  ).finish();
  const options = create(MethodOptionsSchema);
  const data = Buffer.concat([varint(bytes.length), bytes]);
  options.$unknown = [{ no: TOOL_OPTION_FIELD, wireType: LENGTH_DELIMITED, data }];
  return options;
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, value >> 7]);
}

const file = create(FileDescriptorProtoSchema, {
  name: "test/v1/content.proto",
  package: "test.v1",
  syntax: "proto3",
  dependency: ["sealwire/mcp/v1/call_tool.proto", "sealwire/v1/options.proto"],
  messageType: [
    { name: "Wide", field: [{ name: "wide", number: 1, type: Type.INT64, label: Label.OPTIONAL, jsonName: "wide" }] },
  ],
  service: [
    {
      name: "ContentService",
      method: [
        {
          name: "Draw",
          inputType: ".sealwire.mcp.v1.CallToolRequest",
          outputType: ".sealwire.mcp.v1.CallToolResponse",
          options: toolOptions(),
        },
        { name: "EchoWide", inputType: ".test.v1.Wide", outputType: ".test.v1.Wide" },
      ],
    },
  ],
});

const RAW: MessageCodec<Uint8Array> = {
  encode: (bytes) => ({ finish: () => bytes }),
  decode: (bytes) => bytes,
};

const definition = {
  name: "ContentService",
  fullName: "test.v1.ContentService",
  methods: {
    draw: {
      name: "Draw",
      requestType: CallToolRequest,
      responseType: CallToolResponse,
      requestStream: false,
      responseStream: false,
      options: {},
    },
    echoWide: {
      name: "EchoWide",
      requestType: RAW,
      responseType: RAW,
      requestStream: false,
      responseStream: false,
      options: {},
    },
  },
} as const;

function blocks(text: string): Content[] {
  return [
    { kind: { $case: "text", value: { text } }, annotations: undefined, meta: undefined },
    {
      kind: { $case: "image", value: { data: Uint8Array.of(0, 1, 2), mimeType: "image/png" } },
      annotations: { audience: ["user"], priority: 0.5, lastModified: "" },
      meta: undefined,
    },
  ];
}

/** The tools. */
export function contentTools(): ToolImplementation {
  return implement(definition, {
    draw: ({ arguments: args }) => ({ content: blocks(`a ${args?.shape}`), structuredContent: args }),
    echoWide: (_input, { args }) => outputBytes(args),
  });
}

contentTools.descriptors = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
