import type { DescMethod } from "@bufbuild/protobuf";
import type { Tool } from "@modelcontextprotocol/server";
import type { ToolDescription } from "../../../gen/sealwire/system/v1/list_tools.ts";
import { type ToolJsonSchema, toolJsonSchema } from "../../schema/tool-schema.ts";
import {
  definitionDigest,
  definitionOf,
  destructiveHint,
  openWorldHint,
  type ToolDefinition,
} from "../../tools/definition.ts";
import { describeTool } from "../../tools/tool.ts";
import type { Image } from "../../wire/descriptors.ts";
import { listedSchema } from "./listed-schema.ts";
import { CALL_TOOL_RESPONSE } from "./tool-result.ts";

/** A tool of the server as the bridge offers it to hosts. */
export interface BridgedTool {
  /** Its name at the server. */
  readonly name: string;
  /** Its name for hosts. */
  readonly hostName: string;
  readonly method: DescMethod;
  readonly image: Image;
  readonly schema: ToolJsonSchema;
  readonly isJob: boolean;
  /** True if a call that is executed twice does no harm. Never true of a job. */
  readonly repeatable: boolean;
  readonly readOnly: boolean;
  /** What a model is shown of it, from the signed descriptors. */
  readonly definition: ToolDefinition;
  /** The digest of `definition`, computed here. */
  readonly digest: string;
  /** True if the server states another digest. */
  readonly isStatedFalsely: boolean;
  /** How `tools/list` shows it. */
  readonly listed: Tool;
}

/** Names of a tool that its descriptors do not contain. */
export interface ToolNaming {
  readonly hostName: string;
  /** The name of the bridge's tool that waits for jobs. */
  readonly waitTool: string;
}

/**
 * Reads a tool from the signed descriptors of its method. Everything that a host is shown comes from them, as the digest
 * does. Throws OPTIONS_INVALID if its options are invalid.
 */
export function readTool(
  image: Image,
  method: DescMethod,
  { hostName, waitTool, statedDigest }: ToolNaming & { readonly statedDigest: string },
): BridgedTool {
  const description = describeTool(image, method);
  const { name, readOnly, idempotent } = description;
  const definition = definitionOf(image, description);
  const schema = toolJsonSchema(image, method);
  const isJob = description.job !== undefined;
  const digest = definitionDigest(definition);
  return {
    name,
    hostName,
    method,
    image,
    schema,
    isJob,
    readOnly,
    repeatable: idempotent && !isJob,
    definition,
    digest,
    isStatedFalsely: statedDigest !== "" && statedDigest !== digest,
    listed: listTool({ hostName, waitTool }, description, { schema, isJob, method }),
  };
}

function listTool(
  { hostName: name, waitTool }: ToolNaming,
  { description, options, readOnly, idempotent }: ToolDescription,
  { schema, isJob, method }: Pick<BridgedTool, "schema" | "isJob" | "method">,
): Tool {
  const [destructive, openWorld] = [destructiveHint(options), openWorldHint(options)];
  const annotations = {
    ...(readOnly && { readOnlyHint: true }),
    ...(destructive !== undefined && { destructiveHint: destructive }),
    ...(idempotent && { idempotentHint: true }),
    ...(openWorld !== undefined && { openWorldHint: openWorld }),
  };
  const text = [description, ...(isJob ? [jobNote(waitTool)] : [])].filter((part) => part !== "").join("\n\n");
  const output = listsOutput(schema, { isJob, method }) ? schema.output && listedSchema(schema.output) : undefined;
  return {
    name,
    ...(options?.title && { title: options.title }),
    ...(text !== "" && { description: text }),
    inputSchema: listedSchema(schema.input) as Tool["inputSchema"],
    ...(output !== undefined && { outputSchema: output as NonNullable<Tool["outputSchema"]> }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(isJob && { execution: { taskSupport: "optional" as const } }),
  };
}

/**
 * A job has no schema of its result, because the answer to a call may be a job that is still open, and schemas of MCP
 * have no combinators at their root. A tool of an MCP server has one only if that server stated it.
 */
function listsOutput(schema: ToolJsonSchema, { isJob, method }: Pick<BridgedTool, "isJob" | "method">): boolean {
  if (isJob) return false;
  return method.output.typeName !== CALL_TOOL_RESPONSE || schema.outputIs === "structured_content";
}

/** Jobs may take longer than hosts wait. A model that starts one again has two. */
function jobNote(waitTool: string): string {
  return `Runs as a job. If it is not over in time, the answer holds a job_id: call ${waitTool} with it, and do not call this tool again.`;
}
