import { createInterface } from "node:readline";

/*
 * A server of MCP 2025-11-25, written by hand: it ends when it is asked anything before `initialize`, as some do, and its
 * tool `build` can only be called as a task.
 */

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly name?: string; readonly task?: object; readonly taskId?: string };
}

const answer = (id: number | undefined, result: object): void => {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
};
const refuse = (id: number | undefined, code: number, message: string): void => {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } })}\n`);
};

let initialized = false;
let polls = 0;
let cancelled = false;

const task = () => {
  const status = cancelled ? "cancelled" : polls > 2 ? "completed" : "working";
  const times = { createdAt: "2026-01-01T00:00:00Z", lastUpdatedAt: "2026-01-01T00:00:00Z" };
  return { taskId: "t1", status, ttl: 60_000, pollInterval: 100, statusMessage: `poll ${polls}`, ...times };
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params = {} }: Message = JSON.parse(line);
  if (method === "initialize") {
    initialized = true;
    const capabilities = { tools: {}, tasks: { requests: { tools: { call: {} } }, cancel: {} } };
    answer(id, { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "legacy", version: "1" } });
  } else if (!initialized) process.exit(4);
  else if (method === "tools/list") {
    const execution = { taskSupport: "required" };
    answer(id, { tools: [{ name: "build", inputSchema: { type: "object" }, execution }] });
  } else if (method === "tools/call") {
    polls = 0;
    cancelled = false;
    if (params.task === undefined) refuse(id, -32601, "only as a task");
    else answer(id, { task: task() });
  } else if (method === "tasks/get") {
    polls += params.taskId === "t1" && process.argv[2] !== "forever" ? 1 : 0;
    answer(id, task());
  } else if (method === "tasks/result") answer(id, { content: [{ type: "text", text: "built" }] });
  else if (method === "tasks/cancel") {
    cancelled = true;
    process.stderr.write("the task was cancelled\n");
    answer(id, task());
  }
});
