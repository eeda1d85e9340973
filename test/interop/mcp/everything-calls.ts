import type { CallToolResult } from "@modelcontextprotocol/client";

/** A call of a tool of the everything-server. */
export interface EverythingCall {
  readonly tool: string;
  readonly args?: Record<string, unknown>;
  /** The kinds of the blocks of its result, so that the comparison is not of two empty results. */
  readonly kinds: readonly string[];
}

const DATA = "data:text/plain,some%20text";

/** Calls of every tool that needs no sampling, elicitation or roots. `get-env` is not among them: its result is its environment. */
export const EVERYTHING_CALLS: readonly EverythingCall[] = [
  { tool: "echo", args: { message: "süß 🦭" }, kinds: ["text"] },
  { tool: "get-sum", args: { a: 0.1, b: -3 }, kinds: ["text"] },
  { tool: "get-tiny-image", kinds: ["text", "image", "text"] },
  ...["error", "success", "debug"].map((messageType) => ({
    tool: "get-annotated-message",
    args: { messageType, includeImage: true },
    kinds: ["text", "image"],
  })),
  { tool: "get-resource-links", args: { count: 2 }, kinds: ["text", "resource_link", "resource_link"] },
  {
    tool: "get-resource-reference",
    args: { resourceType: "Text", resourceId: 1 },
    kinds: ["text", "resource", "text"],
  },
  {
    tool: "get-resource-reference",
    args: { resourceType: "Blob", resourceId: 2 },
    kinds: ["text", "resource", "text"],
  },
  { tool: "get-structured-content", args: { location: "Chicago" }, kinds: ["text"] },
  {
    tool: "gzip-file-as-resource",
    args: { name: "a.gz", data: DATA, outputType: "resource" },
    kinds: ["resource"],
  },
  {
    tool: "gzip-file-as-resource",
    args: { name: "a.gz", data: DATA, outputType: "resourceLink" },
    kinds: ["resource_link"],
  },
  { tool: "toggle-simulated-logging", kinds: ["text"] },
  { tool: "toggle-subscriber-updates", kinds: ["text"] },
  { tool: "trigger-long-running-operation", args: { duration: 0.2, steps: 2 }, kinds: ["text"] },
];

/** A result without the times in it, and without what the bridge says of the call. */
export function comparable({ content, structuredContent, isError = false }: CallToolResult): object {
  const text = JSON.stringify({ content: content.map(withTextOfBlobs), structuredContent, isError });
  return JSON.parse(text.replaceAll(/\d{1,2}:\d{2}:\d{2}(?: [AP]M)?/g, "TIME"));
}

/** The everything-server writes the time into the bytes of a blob, too. */
function withTextOfBlobs(block: CallToolResult["content"][number]): object {
  if (block.type !== "resource" || !("blob" in block.resource) || block.resource.mimeType !== "text/plain")
    return block;
  return { ...block, resource: { ...block.resource, blob: Buffer.from(block.resource.blob, "base64").toString() } };
}
