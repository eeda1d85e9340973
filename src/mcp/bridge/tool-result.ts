import { type DescMethod, fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { CallToolResponse } from "../../../gen/sealwire/mcp/v1/call_tool.ts";
import type { EncodedMessage } from "../../client/calls/signer.ts";
import { decodeAs } from "../../client/calls/tool-output.ts";
import { SealwireError } from "../../errors.ts";
import type { ToolJsonSchema } from "../../schema/tool-schema.ts";
import type { Image } from "../../wire/descriptors.ts";
import { contentToJson } from "../content.ts";

/** The response of a tool that returns blocks of content as MCP has them. */
export const CALL_TOOL_RESPONSE = "sealwire.mcp.v1.CallToolResponse";

/** The types of a tool's output. */
export interface OutputContract {
  readonly image: Image;
  readonly method: DescMethod;
  readonly schema: Pick<ToolJsonSchema, "outputIs">;
}

/**
 * Converts a verified output to a result of MCP: the blocks of a tool that returns such, and otherwise the ProtoJSON of
 * the message, as an object and as text. Throws RESPONSE_INVALID if it is not what the contract declares, or has no JSON.
 */
export function toolResult({ image, method, schema }: OutputContract, output: EncodedMessage): CallToolResult {
  const { typeName } = method.output;
  if (typeName === CALL_TOOL_RESPONSE) return blocks(decodeAs(output, typeName, CallToolResponse.decode));
  const message = decodeAs(output, typeName, (bytes) => fromBinary(method.output, bytes));
  try {
    const json = toJson(method.output, message, { registry: image.registry, useProtoFieldName: true });
    return structured((schema.outputIs === "value" ? { value: json } : json) as JsonObject);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new SealwireError("RESPONSE_INVALID", `The ${typeName} has no form in ProtoJSON: ${problem}.`, { cause });
  }
}

/** A result that is an object, with the same as text for hosts that read only text. */
export function structured(json: JsonObject, text = JSON.stringify(json)): CallToolResult {
  return { content: [{ type: "text", text }], structuredContent: json };
}

function blocks({ content, structuredContent }: CallToolResponse): CallToolResult {
  const json = structuredContent as JsonObject | undefined;
  if (content.length === 0 && json !== undefined) return structured(json);
  return { content: content.map(contentToJson), ...(json !== undefined && { structuredContent: json }) };
}
