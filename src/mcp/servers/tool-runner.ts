import type { DescMethod } from "@bufbuild/protobuf";
import { CallToolRequest } from "../../../gen/sealwire/mcp/v1/call_tool.ts";
import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { type OutputBytes, outputBytes, readOutputBytes, type ToolContext } from "../../tools/handler.ts";
import { decodeWithProtoKeys, mayHoldProtoKey } from "../../tools/proto-keys.ts";
import type { ToolHost, ToolRunner } from "../../tools/tool.ts";
import { cutText } from "../../wire/error-message.ts";
import { traceContextOf } from "../../wire/traceparent.ts";
import type { Connection } from "./connection.ts";
import { argsInvalid, changed, failureOf, faultOf, notCalled } from "./failure.ts";
import type { ClientPackage } from "./packages.ts";
import { reportProgress } from "./progress.ts";
import { responseOf } from "./result.ts";
import type { Redact } from "./secrets.ts";
import type { ToolCall } from "./tool-call.ts";
import type { McpTool } from "./tool-definition.ts";

/** Where the calls of a tool go. */
export interface CallTarget {
  readonly host: ToolHost;
  readonly sdk: ClientPackage;
  readonly clock: Clock;
  /** Removes the server's secrets from texts for the log. */
  readonly redact: Redact;
  /** True if the server no longer lists the tool as it was accepted. */
  isWithdrawn(tool: McpTool): boolean;
  /** Takes a place for a call. The caller must dispose it. A text says why there is none. */
  enter(clientId: string): Promise<CallPlace | string>;
}

/** The place of one call. */
export interface CallPlace extends Disposable {
  readonly connection: Connection;
  /** Tells that the server could not be reached by this connection. */
  unreachable(): void;
}

/** Longest text of an MCP server in the log, in UTF-16 units. */
const LOGGED_MOST = 500;

/** Makes what runs a tool at its MCP server. */
export function mcpToolRunner(tool: McpTool, method: DescMethod, target: CallTarget): ToolRunner {
  const decode = (args: Uint8Array): CallToolRequest => {
    const read = (bytes: Uint8Array) => CallToolRequest.decode(bytes);
    return (mayHoldProtoKey(args) ? decodeWithProtoKeys(args, method.input, read) : read(args)) as CallToolRequest;
  };
  return {
    host: target.host,
    // Another run could repeat what this one did.
    runsOnce: tool.isJob && tool.effect === "",
    checkArgs(args) {
      const faults = tool.check(decode(args).arguments ?? {}, args.length);
      if (faults !== undefined) throw argsInvalid(tool.name, faults.violations, faults.omitted);
    },
    decodeInput: decode,
    handler: (input, context) => runTool(tool, target, (input as CallToolRequest).arguments ?? {}, context),
    encodeOutput: (output) => readOutputBytes(output) as Uint8Array,
  };
}

async function runTool(
  tool: McpTool,
  target: CallTarget,
  args: ToolCall["args"],
  context: ToolContext,
): Promise<OutputBytes> {
  const run = { tool: tool.name, isJob: context.jobId !== undefined };
  if (target.isWithdrawn(tool)) throw changed(run);
  const place = await target.enter(context.clientId);
  if (typeof place === "string") throw notCalled(run, place);
  using _place = place;
  // The list may have changed while a connection was made.
  if (target.isWithdrawn(tool)) throw changed(run);
  const call: ToolCall = {
    name: tool.text.mcpName,
    args,
    meta: metaOf(context),
    signal: signalOf(tool, context),
    timeoutMs: context.deadlineMs - target.clock.nowMs(),
    onProgress: (progress) => reportProgress(context, progress),
  };
  try {
    return outputBytes(responseOf(await place.connection.call(call, tool.needsTask)));
  } catch (thrown) {
    if (thrown instanceof SealwireError && !call.signal.aborted) throw thrown;
    const fault = faultOf(thrown, target.sdk);
    if (fault.kind === "unsent") place.unreachable();
    const problem = cutText(target.redact(thrown instanceof Error ? thrown.message : String(thrown)), LOGGED_MOST);
    context.logger.warn({ host: target.host.name, fault: fault.kind, problem }, "a call to an MCP server failed");
    const stopped = call.signal.aborted ? stoppedBy(call.signal) : undefined;
    throw failureOf(fault, { ...run, repeatable: tool.effect !== "", stopped });
  }
}

/** A server that acts once per key can tell a repeated call by it. */
function metaOf({ idempotencyKey, traceparent, tracestate }: ToolContext): Record<string, unknown> {
  return { "dev.sealwire/idempotency-key": idempotencyKey, ...traceContextOf(traceparent, tracestate) };
}

/** A job that runs once is not stopped by a drain, which waits for it. */
function signalOf({ isJob, effect }: McpTool, { signal }: ToolContext): AbortSignal {
  if (!isJob || effect !== "") return signal;
  const controller = new AbortController();
  const forward = (): void => {
    if (stoppedBy(signal).reason !== "DRAINING") controller.abort(signal.reason);
  };
  if (signal.aborted) forward();
  else signal.addEventListener("abort", forward, { once: true });
  return controller.signal;
}

function stoppedBy({ reason }: AbortSignal): SealwireError {
  return SealwireError.from(reason);
}
