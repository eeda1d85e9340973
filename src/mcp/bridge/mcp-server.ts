import type { JsonObject } from "@bufbuild/protobuf";
import type { CallToolResult, Server, ServerContext } from "@modelcontextprotocol/server";
import { SealwireError } from "../../errors.ts";
import { VERSION } from "../../runtime/version.ts";
import { traceContextOf } from "../../wire/traceparent.ts";
import { answerToThrown, faultError, NOT_SET_UP, notAccepted, RpcCode, type ToolAnswer } from "./answer.ts";
import { type Bridge, findTool } from "./bridge.ts";
import type { Era } from "./era.ts";
import { type CallOutcome, REQUEST_ID_META } from "./host-calls.ts";
import { ProgressReports } from "./progress.ts";
import { addTasks, declaresTasks } from "./task-methods.ts";
import { legacyTask, newModernTask, TASKS_EXTENSION } from "./tasks.ts";

/** The parameters of `tools/call`. */
interface CallParams {
  readonly name: string;
  readonly arguments?: Record<string, unknown> | undefined;
  readonly task?: unknown;
}

/** Makes a server of the SDK that serves the tools of `bridge`. */
export function makeServer(bridge: Bridge, era: Era): Server {
  const { sdk, options } = bridge.context;
  const isModern = era.era === "modern";
  const tasks = isModern
    ? { extensions: { [TASKS_EXTENSION]: {} } }
    : { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };
  const hint = { ttlMs: options.ttlMs, cacheScope: "private" } as const;
  const server = new sdk.Server(
    { name: "sealwire", title: "Sealwire", version: VERSION },
    {
      capabilities: { tools: { listChanged: true }, ...tasks },
      instructions: instructions(bridge.waitTool),
      cacheHints: { "tools/list": hint, "server/discover": hint },
    },
  );
  server.setRequestHandler("tools/list", async () => {
    try {
      return { tools: await bridge.list() };
    } catch (thrown) {
      throw listFault(thrown);
    }
  });
  server.setRequestHandler("tools/call", ({ params }, ctx) => callTool(bridge, params, ctx, era));
  addTasks(server, bridge, era);
  return server;
}

async function callTool(bridge: Bridge, params: CallParams, ctx: ServerContext, era: Era): Promise<CallToolResult> {
  const { signal } = ctx.mcpReq;
  const args = (params.arguments ?? {}) as JsonObject;
  using progress = reportTo(bridge, ctx);
  const own = bridge.jobTools.get(params.name);
  if (own !== undefined) return toResult(await own.call({ args, signal, progress }).catch(toAnswer(signal)), era);
  const tools = await bridge.registry.current().catch((thrown) => {
    throw listFault(thrown);
  });
  if (tools.withheld.has(params.name)) return toResult(withheld(params.name), era);
  const tool = findTool(tools, params.name);
  const asksForTask = era.era === "legacy" && params.task !== undefined;
  if (asksForTask && !tool.isJob) {
    throw faultError({ code: METHOD_NOT_FOUND, message: `The tool ${params.name} does not run as a task.` });
  }
  const outcome = await bridge.calls.call({
    tool,
    args,
    ...readMeta(ctx.mcpReq._meta),
    signal,
    wasCancelled: () => era.closingCancels && !bridge.context.closingSignal.aborted,
    takesTask: asksForTask || (era.era === "modern" && declaresTasks(ctx)),
    progress,
  });
  return toResult(outcome, era);
}

const METHOD_NOT_FOUND = -32601;

/** Starts to report progress if the host asked for it. */
function reportTo(bridge: Bridge, { mcpReq }: ServerContext): ProgressReports | undefined {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  const { clock, progressIntervalMs: intervalMs, logger } = bridge.context.options;
  const ignore = (err: unknown): void => logger.debug({ err }, "progress could not be sent");
  return new ProgressReports({
    clock,
    intervalMs,
    send: (report) =>
      void mcpReq.notify({ method: "notifications/progress", params: { progressToken, ...report } }).catch(ignore),
  });
}

/** Reads what `_meta` says about a call. Throws an error of JSON-RPC for a request id that cannot be one. */
function readMeta(meta: Record<string, unknown> | undefined) {
  const { [REQUEST_ID_META]: requestId, traceparent, tracestate } = meta ?? {};
  if (requestId !== undefined && (typeof requestId !== "string" || !/^[!-~]{1,128}$/.test(requestId))) {
    const message = `_meta["${REQUEST_ID_META}"] must be a text of 1 to 128 printable ASCII characters.`;
    throw faultError({ code: RpcCode.invalidParams, message });
  }
  return { requestId, trace: traceContextOf(traceparent, tracestate) };
}

/** Without the difference: nobody has accepted that a model reads it. */
function withheld(name: string): ToolAnswer {
  return notAccepted(`The tool ${name} is withheld, because its definition is not the accepted one.`);
}

function toAnswer(signal: AbortSignal): (thrown: unknown) => ToolAnswer {
  return (thrown) => {
    signal.throwIfAborted();
    return answerToThrown(thrown, "");
  };
}

/** The SDK accepts a task as the result of a call only beside an empty list of content. */
function toResult(outcome: CallOutcome, { era }: Era): CallToolResult {
  if (outcome.kind === "fault") throw faultError(outcome.fault);
  if (outcome.kind === "result") return outcome.result;
  const { job } = outcome;
  const task = era === "modern" ? { ...newModernTask(job), resultType: "task" } : { task: legacyTask(job) };
  return { ...task, content: [] };
}

function listFault(thrown: unknown): unknown {
  if (!(thrown instanceof SealwireError)) return thrown;
  const problem = thrown.reason === "OPTIONS_INVALID" ? NOT_SET_UP : thrown.message;
  const message = `The tools of the server are not known: ${thrown.reason}: ${problem}`;
  return faultError({ code: RpcCode.internal, message });
}

function instructions(waitTool: string): string {
  return `The tools run at a Sealwire server; every call is signed and every answer verified. A tool that runs as a job may answer with a job_id: call ${waitTool} with it until the job is over, and do not start the tool again.`;
}
