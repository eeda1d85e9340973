import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel as Level,
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
  type MethodOptions,
  MethodOptionsSchema,
  ServiceDescriptorProtoSchema,
  SourceCodeInfo_LocationSchema,
  SourceCodeInfoSchema,
} from "@bufbuild/protobuf/wkt";
import { JobPolicy, ToolOptions } from "../../../gen/sealwire/v1/options.ts";
import { type ResolvedMcpServer, toolPrefix } from "./options.ts";
import type { McpTool } from "./tool-definition.ts";

/** Numbers of the options in sealwire/v1/options.proto. */
const JOB_OPTION = 50610;
const TOOL_OPTION = 50611;
/** Field numbers in google/protobuf/descriptor.proto, of which paths in source info consist. */
const SERVICE_FIELD = 6;
const METHOD_FIELD = 2;

/** The full name of the service that stands for a server. */
export function serviceName(server: Pick<ResolvedMcpServer, "name">): string {
  return `mcp.${toolPrefix(server)}.v1.ToolService`;
}

/** Builds the contract of a server's tools: one service, a method per tool. A serialized FileDescriptorSet. */
export function contractOf(server: Pick<ResolvedMcpServer, "name">, tools: readonly McpTool[]): Uint8Array {
  const prefix = toolPrefix(server);
  const comments = tools.map(({ text: { description } }, index) => ({
    path: [SERVICE_FIELD, 0, METHOD_FIELD, index],
    description,
  }));
  const file = create(FileDescriptorProtoSchema, {
    name: `mcp/${prefix}/v1/tool_service.proto`,
    package: `mcp.${prefix}.v1`,
    syntax: "proto3",
    dependency: ["sealwire/mcp/v1/call_tool.proto", "sealwire/v1/options.proto"],
    service: [create(ServiceDescriptorProtoSchema, { name: "ToolService", method: tools.map(methodOf) })],
    sourceCodeInfo: create(SourceCodeInfoSchema, {
      location: comments.map(({ path, description }) =>
        create(SourceCodeInfo_LocationSchema, { path, span: [0, 0, 0], leadingComments: asComment(description) }),
      ),
    }),
  });
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
}

function methodOf(tool: McpTool): MethodDescriptorProto {
  return create(MethodDescriptorProtoSchema, {
    name: tool.method,
    inputType: ".sealwire.mcp.v1.CallToolRequest",
    outputType: ".sealwire.mcp.v1.CallToolResponse",
    options: optionsOf(tool),
  });
}

function optionsOf({ name, title, effect, ...tool }: McpTool): MethodOptions {
  const { destructive, openWorld, isJob } = tool;
  const { inputSchema, outputSchema } = tool.text;
  const options = ToolOptions.fromPartial({
    name,
    title,
    inputSchema,
    outputSchema,
    ...(destructive !== undefined && { destructiveHint: destructive }),
    ...(openWorld !== undefined && { openWorldHint: openWorld }),
  });
  // Another attempt of a tool that may have effects would repeat them.
  const job = JobPolicy.fromPartial({ maxAttempts: effect === "" ? 1 : 0 });
  const set = create(MethodOptionsSchema, {
    idempotencyLevel:
      effect === "read_only"
        ? Level.NO_SIDE_EFFECTS
        : effect === "idempotent"
          ? Level.IDEMPOTENT
          : Level.IDEMPOTENCY_UNKNOWN,
  });
  set.$unknown = [
    ...(isJob ? [unknownField(JOB_OPTION, JobPolicy.encode(job).finish())] : []),
    unknownField(TOOL_OPTION, ToolOptions.encode(options).finish()),
  ];
  return set;
}

function unknownField(no: number, bytes: Uint8Array) {
  return { no, wireType: WireType.LengthDelimited, data: new BinaryWriter().bytes(bytes).finish() };
}

/** Each line becomes a paragraph, because the lines of a comment's paragraph are joined. */
function asComment(description: string): string {
  return description.split(/\r\n|\r|\n/).join("\n\n");
}
