import type { Progress } from "@modelcontextprotocol/client";

/** A call of a tool. */
export interface ToolCall {
  /** The name at the MCP server. */
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly onProgress: (progress: Progress) => void;
}
