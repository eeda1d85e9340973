import { Http1Load } from "../load/http1-load.ts";
import { mcpCall } from "./mcp-call.ts";

const PROTOCOL = "2026-07-28";

/** An endpoint of MCP on loopback, and the token that it wants. */
export interface McpTarget {
  readonly port: number;
  readonly token?: string;
}

/** Calls of `batch_sum` over Streamable HTTP by MCP 2026-07-28, which has no sessions. */
export function modernLoad({ port, token }: McpTarget): Http1Load {
  return new Http1Load({
    port,
    path: "/mcp",
    headers: {
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": PROTOCOL,
      "mcp-method": "tools/call",
      "mcp-name": "batch_sum",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    makeBody: mcpCall({
      _meta: {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    }),
    expected: '"structuredContent":{"count":3,"total":6.5}',
  });
}
