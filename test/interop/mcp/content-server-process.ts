import { type CallToolResult, Server, type ServerContext, type Tool } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { type ContentName, contents } from "./contents.ts";

/* An MCP server over stdio whose tools return each kind of content. As "test" its tools have the names of the suite. */

const PROGRESS_STEPS = 3;
/** Longer than the shortest time between two reports of progress to a host. */
const STEP_MS = 1_100;
const NAMES = [...Object.keys(contents), "error_handling", "tool_with_progress"];
const TOOLS = NAMES.map(
  (name): Tool => ({ name, description: `Returns ${name}.`, inputSchema: { type: "object", properties: {} } }),
);

async function callTool(name: string, context: ServerContext): Promise<CallToolResult> {
  if (name === "error_handling") {
    return { content: [{ type: "text", text: "This tool intentionally returns an error for testing" }], isError: true };
  }
  if (name === "tool_with_progress") return await progressing(context);
  return { content: [...contents[name as ContentName]] };
}

async function progressing({ mcpReq }: ServerContext): Promise<CallToolResult> {
  const progressToken = mcpReq._meta?.progressToken;
  for (let progress = 1; progress <= PROGRESS_STEPS; progress += 1) {
    if (progressToken !== undefined) {
      const params = { progressToken, progress, total: PROGRESS_STEPS };
      await mcpReq.notify({ method: "notifications/progress", params });
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  return { content: [...contents.simple_text] };
}

serveStdio(() => {
  const server = new Server({ name: "contents", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler("tools/list", () => ({ tools: TOOLS }));
  server.setRequestHandler("tools/call", ({ params }, context) => callTool(params.name, context));
  return server;
});
