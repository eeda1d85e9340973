import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CallToolResult,
  ProtocolError,
  Server,
  type ServerContext,
  type Tool,
} from "@modelcontextprotocol/server";

/* The MCP server of these tests. Its folder holds what it should do and tells what it has done. */

const NOTHING = { type: "object" } as const;
const TOOLS: readonly Tool[] = [
  {
    name: "greet",
    title: "Greeting",
    description: "Greets a person.\nIn one line.",
    inputSchema: {
      type: "object",
      properties: {
        name: { type: "string", minLength: 1, pattern: "^(?:[A-Za-z]+ ?)+$" },
        times: { type: "integer", minimum: 1 },
        tone: { enum: ["warm", "cold"] },
      },
      required: ["name"],
      additionalProperties: false,
    },
    outputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
    annotations: { readOnlyHint: true, openWorldHint: false, title: "Untrusted" },
  },
  { name: "write.note", inputSchema: NOTHING, annotations: { idempotentHint: true, destructiveHint: true } },
  { name: "crash", inputSchema: NOTHING },
  { name: "hang", inputSchema: NOTHING },
  { name: "slowJob", inputSchema: NOTHING },
  { name: "media", inputSchema: NOTHING },
  { name: "fails", inputSchema: NOTHING },
  { name: "refuses", inputSchema: NOTHING },
  { name: "breaks", inputSchema: NOTHING },
  { name: "environment", inputSchema: NOTHING },
  { name: "announce", inputSchema: NOTHING },
  { name: "counter", inputSchema: NOTHING },
  { name: "fork", inputSchema: NOTHING },
  { name: "meta", inputSchema: NOTHING },
];
const PIXEL = "iVBORw0KGgo=";

/** Makes the server. `folder` may hold `tools.json`, which replaces tools by name, or adds them. */
export function fixtureServer(folder: string): Server {
  const server = new Server({ name: "fixture", version: "1.0.0" }, { capabilities: { tools: { listChanged: true } } });
  server.setRequestHandler("tools/list", () => ({ tools: listedTools(folder) }));
  server.setRequestHandler("tools/call", async ({ params: { name, arguments: args = {} } }, context) => {
    appendFileSync(join(folder, "calls.log"), `${name} ${JSON.stringify(args)}\n`);
    return await callTool(name, args, { folder, server, context });
  });
  return server;
}

function listedTools(folder: string): Tool[] {
  const file = join(folder, "tools.json");
  const replaced: readonly Tool[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const names = new Set(replaced.map(({ name }) => name));
  return [
    ...TOOLS.filter(({ name }) => !names.has(name)),
    ...replaced.filter(({ description }) => description !== "gone"),
  ];
}

interface Calling {
  readonly folder: string;
  readonly server: Server;
  readonly context: ServerContext;
}

let count = 0;

async function callTool(name: string, args: object, { folder, server, context }: Calling): Promise<CallToolResult> {
  switch (name) {
    case "greet": {
      const text = `Hello, ${(args as { name: string }).name}!`;
      return { content: [{ type: "text", text }], structuredContent: { text } };
    }
    case "crash":
      return process.exit(3);
    case "hang":
      return await new Promise((_resolve, reject) => {
        context.mcpReq.signal.addEventListener("abort", () => {
          appendFileSync(join(folder, "calls.log"), "hang was cancelled\n");
          reject(new Error("cancelled"));
        });
      });
    case "slowJob":
      return await progressing(context);
    case "media":
      return {
        content: [
          { type: "text", text: "a picture" },
          { type: "image", data: PIXEL, mimeType: "image/png", annotations: { audience: ["user"], priority: 0.5 } },
          { type: "resource_link", uri: "file:///a.txt", name: "a", size: 3 },
          { type: "resource", resource: { uri: "file:///b.txt", text: "b" } },
        ],
      };
    case "fails":
      return {
        content: [
          { type: "text", text: "the disk is full" },
          { type: "text", text: "try later" },
        ],
        isError: true,
      };
    case "refuses":
      throw new ProtocolError(-32602, "the date is in the past");
    case "breaks":
      throw new ProtocolError(-32603, "an inner secret");
    case "environment":
      console.error(`the token is ${process.env.TOKEN ?? "not there"}`);
      return text(JSON.stringify(Object.keys(process.env).sort()));
    case "announce":
      await server.sendToolListChanged();
      return text("announced");
    case "meta":
      return text(JSON.stringify(context.mcpReq._meta));
    case "counter":
      count += 1;
      return text(`${process.pid} ${count}`);
    case "fork": {
      const child = spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], {
        stdio: "ignore",
      });
      return text(String(child.pid));
    }
    case "deaf":
      setTimeout(() => process.kill(process.pid, "SIGSTOP"), 50);
      return text("reads no more");
    default:
      return text("done");
  }
}

async function progressing({ mcpReq }: ServerContext): Promise<CallToolResult> {
  const progressToken = mcpReq._meta?.progressToken;
  for (const progress of [0.25, 0.5]) {
    if (progressToken === undefined) break;
    await mcpReq.notify({
      method: "notifications/progress",
      params: { progressToken, progress, total: 1, message: `at ${progress}` },
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return text("finished");
}

function text(value: string): CallToolResult {
  return { content: [{ type: "text", text: value }] };
}
