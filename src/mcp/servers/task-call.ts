import type {
  CallToolResult,
  Client,
  GetTaskResult,
  RequestOptions,
  StandardSchemaV1,
} from "@modelcontextprotocol/client";
import { SealwireError } from "../../errors.ts";
import { type Clock, sleep } from "../../runtime/clock.ts";
import type { ToolCall } from "./tool-call.ts";

/** What a call as a task needs. */
export interface TaskCallContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly options: RequestOptions;
}

const POLL_MS = 1_000;
const POLL_RANGE_MS = { least: 100, most: 30_000 };
/** Time limit of one request about a task, in milliseconds. */
const REQUEST_MS = 30_000;

/**
 * Calls a tool as a task of MCP 2025-11-25, for tools that cannot be called in another way, and waits for its end. An
 * abort of the call's signal cancels the task.
 */
export async function callAsTask(call: ToolCall, { client, clock, options }: TaskCallContext): Promise<CallToolResult> {
  const { name, args, meta, signal, timeoutMs, onProgress } = call;
  const params = { name, arguments: { ...args }, _meta: { ...meta }, task: { ttl: Math.ceil(timeoutMs) } };
  const created = await client.request({ method: "tools/call", params }, anyResult<{ task?: Task }>(), options);
  let { task } = created;
  if (typeof task?.taskId !== "string") return created as CallToolResult;
  const { taskId } = task;
  const ask = <T>(method: string): Promise<T> =>
    client.request({ method, params: { taskId } }, anyResult<T>(), { timeout: REQUEST_MS, signal });
  try {
    for (let polls = 0; task.status === "working"; polls += 1) {
      onProgress({ progress: polls, ...(task.statusMessage !== undefined && { message: task.statusMessage }) });
      await sleep(clock, pollMs(task), signal);
      task = await ask<Task>("tasks/get");
    }
  } catch (thrown) {
    if (signal.aborted) await cancel(client, taskId);
    throw thrown;
  }
  if (task.status === "input_required") {
    await cancel(client, taskId);
    throw new SealwireError(
      "TOOL_FAILED",
      "The tool asks for input while it runs, which no caller of Sealwire can give.",
    );
  }
  return await ask<CallToolResult>("tasks/result");
}

type Task = Pick<GetTaskResult, "taskId" | "status" | "statusMessage" | "pollInterval">;

function pollMs({ pollInterval = POLL_MS }: Task): number {
  return Math.min(Math.max(pollInterval, POLL_RANGE_MS.least), POLL_RANGE_MS.most);
}

async function cancel(client: Client, taskId: string): Promise<void> {
  await client
    .request({ method: "tasks/cancel", params: { taskId } }, anyResult(), { timeout: REQUEST_MS })
    .catch(() => {});
}

/** The SDK has no schema for tasks any more. What matters of a result is checked where it is used. */
function anyResult<T>(): StandardSchemaV1<unknown, T> {
  return { "~standard": { version: 1, vendor: "sealwire", validate: (value) => ({ value: value as T }) } };
}
