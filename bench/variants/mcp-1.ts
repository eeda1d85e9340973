import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";
import { Http1Load } from "../load/http1-load.ts";
import { mcpCall } from "./mcp-call.ts";
import type { Variant } from "./variant.ts";
import { batchSum } from "./work.ts";

const inputSchema = { numbers: z.array(z.number()).min(1) };
const outputSchema = { count: z.number(), total: z.number() };

/** The MCP TypeScript SDK 1.x over Streamable HTTP, stateless as in its documentation: one server per request. */
export const mcp1: Variant<number> = {
  title: "MCP SDK 1.x, Streamable HTTP, stateless",

  async serve() {
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const server = new McpServer({ name: "bench", version: "1.0.0" });
      server.registerTool("batch_sum", { inputSchema, outputSchema }, ({ numbers }) => {
        const sum = batchSum(numbers);
        return { content: [{ type: "text", text: JSON.stringify(sum) }], structuredContent: { ...sum } };
      });
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
      response.on("close", () => {
        void transport.close();
        void server.close();
      });
      // The SDK's declarations are inconsistent under exactOptionalPropertyTypes.
      await server.connect(transport as Parameters<McpServer["connect"]>[0]);
      await transport.handleRequest(request, response);
    };
    const server = createServer((request, response) => void answer(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { target: port, [Symbol.asyncDispose]: async () => void server.close() };
  },

  async connect(port) {
    return new Http1Load({
      port,
      path: "/mcp",
      headers: { accept: "application/json, text/event-stream" },
      makeBody: mcpCall(),
      expected: '"structuredContent":{"count":3,"total":6.5}',
    });
  },
};
