import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type NodeIncomingMessageLike, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { modernLoad } from "./mcp-load.ts";
import type { Variant } from "./variant.ts";
import { batchSum } from "./work.ts";

const inputSchema = z.object({ numbers: z.array(z.number()).min(1) });
const outputSchema = z.object({ count: z.number(), total: z.number() });

function makeServer(): McpServer {
  const server = new McpServer({ name: "bench", version: "1.0.0" });
  server.registerTool("batch_sum", { inputSchema, outputSchema }, ({ numbers }) => {
    const sum = batchSum(numbers);
    return { content: [{ type: "text", text: JSON.stringify(sum) }], structuredContent: { ...sum } };
  });
  return server;
}

/** The MCP TypeScript SDK 2.x over Streamable HTTP, whose protocol is stateless. */
export const mcp2: Variant<number> = {
  title: "MCP SDK 2.x, Streamable HTTP, stateless",

  async serve() {
    // Its default opens an event stream for each answer.
    const handle = toNodeHandler(createMcpHandler(makeServer, { responseMode: "json" }));
    // The adapter's declarations do not agree with node:http's under exactOptionalPropertyTypes.
    const server = createServer((request, response) => void handle(request as NodeIncomingMessageLike, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { target: port, [Symbol.asyncDispose]: async () => void server.close() };
  },

  connect: async (port) => modernLoad({ port }),
};
