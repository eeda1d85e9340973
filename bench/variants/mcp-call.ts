import { NUMBERS } from "./work.ts";

/** Makes MCP's JSON-RPC calls of `batch_sum`, each with its own id. `more`: further parameters. */
export function mcpCall(more: object = {}): () => string {
  let id = 0;
  return () => {
    id += 1;
    const params = { name: "batch_sum", arguments: { numbers: NUMBERS }, ...more };
    return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
  };
}
