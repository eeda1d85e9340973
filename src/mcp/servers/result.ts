import type { CallToolResult } from "@modelcontextprotocol/client";
import { CallToolResponse } from "../../../gen/sealwire/mcp/v1/call_tool.ts";
import { contentFromJson } from "../content.ts";
import { toolFailed } from "./failure.ts";

/** Longest text of a failed tool that is put together, in UTF-16 units. An error has room for less. */
const TEXT_MOST = 4_096;

/**
 * The serialized CallToolResponse of a result. Throws TOOL_FAILED with the texts of a result that is an error, and for
 * content that MCP does not allow.
 */
export function responseOf(result: CallToolResult): Uint8Array {
  const { content: blocks = [], structuredContent, isError } = result;
  if (isError) throw toolFailed(textOf(blocks));
  const content = blocks.map((block, index) => contentFromJson(block, `content[${index}]`));
  const isObject =
    typeof structuredContent === "object" && structuredContent !== null && !Array.isArray(structuredContent);
  if (structuredContent !== undefined && !isObject && content.length === 0) {
    content.push(contentFromJson({ type: "text", text: JSON.stringify(structuredContent) }, "structuredContent"));
  }
  const structured = isObject ? (structuredContent as Record<string, unknown>) : undefined;
  return CallToolResponse.encode({ content, structuredContent: structured }).finish();
}

function textOf(blocks: CallToolResult["content"]): string {
  const texts = blocks.flatMap((block) => (block.type === "text" ? [block.text] : []));
  return texts.join("\n").slice(0, TEXT_MOST);
}
