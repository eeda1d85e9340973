import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { trace } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { Status } from "../../gen/sealwire/v1/response.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { CallRecord } from "../../src/server/request/access-log.ts";
import { endCallSpan } from "../../src/server/request/call-span.ts";
import type { Answer } from "../../src/tools/answer.ts";
import type { CallContext } from "../../src/tools/invocation.ts";
import { traceTool } from "../../src/tools/tool-span.ts";
import { Tracing } from "../../src/tracing/tracing.ts";
import { CALL_METHOD } from "../../src/wire/limits.ts";
import type { Bench } from "../report/result.ts";

/** Calls that are measured together; their spans fit into the queue of the exporter. */
const BATCH = 500;
/** Time before anything counts, in milliseconds. */
const WARM_UP_MS = 1_000;

const CALLER = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: undefined };
const ANSWER: Promise<Answer> = Promise.resolve({ status: Status.OK });
const RECORD = { tool: "batch_sum", client: "alice", keyId: "k1", reason: "" } as CallRecord;

/** Encodes the spans as for a collector, and sends them nowhere. */
const encodeOnly: SpanExporter = {
  export(spans, done) {
    const bytes = ProtobufTraceSerializer.serializeRequest(spans);
    done({ code: bytes === undefined ? 1 : 0 });
  },
  shutdown: async () => {},
};

/** The cost of traces for a call at the server: its span and that of its tool, until they are encoded for a collector. */
export const traces: Bench = {
  title: "Traces: what they add to a call at the server",
  async run({ rounds, seconds, progress }) {
    const tracing = new Tracing(systemClock, { sampledCallsPerSecond: 1_000_000 });
    progress("without a provider");
    const off = await measure(tracing, async () => {}, { rounds, seconds });
    const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: encodeOnly })] });
    trace.setGlobalTracerProvider(provider);
    progress("with every call recorded");
    const on = await measure(tracing, () => provider.forceFlush(), { rounds, seconds });
    trace.disable();
    await provider.shutdown();
    return {
      tables: [
        {
          title: "By the quietest round; aims: at most 1 µs without a provider, at most 15 µs with every call recorded",
          columns: ["", "µs per call", "garbage collections per million calls"],
          rows: [
            ["no provider is registered", off.us, off.collections],
            ["every call is recorded, two spans, encoding included", on.us, on.collections],
          ],
        },
      ],
      settings: `${rounds} rounds of ${seconds} s after a warm-up of ${WARM_UP_MS / 1_000} s, CPU of the process`,
    };
  },
};

interface Cost {
  readonly us: number;
  readonly collections: number;
}

/** The CPU of the process per call, and its garbage collections, in the quietest round. */
async function measure(
  tracing: Tracing,
  flush: () => Promise<void>,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Cost> {
  await round(tracing, flush, WARM_UP_MS);
  const all: Cost[] = [];
  for (let done = 0; done < rounds; done += 1) all.push(await round(tracing, flush, seconds * 1_000));
  return all.reduce((best, each) => (each.us < best.us ? each : best));
}

async function round(tracing: Tracing, flush: () => Promise<void>, durationMs: number): Promise<Cost> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  const before = process.cpuUsage();
  const endMs = performance.now() + durationMs;
  let calls = 0;
  for (; performance.now() < endMs; calls += BATCH) {
    let pending: Promise<Answer> | undefined;
    for (let count = 0; count < BATCH; count += 1) pending = call(tracing) ?? pending;
    if (pending !== undefined) await pending;
    await flush();
  }
  const { user, system } = process.cpuUsage(before);
  // Collections are reported in a later turn of the event loop.
  await setTimeout(10);
  observer.disconnect();
  return { us: (user + system) / calls, collections: (collections / calls) * 1_000_000 };
}

/** What a server does for the traces of one call of a tool. */
function call(tracing: Tracing): Promise<Answer> | undefined {
  const span = tracing.startCall(CALL_METHOD, CALLER);
  if (span === undefined) return undefined;
  const context = { clientId: "alice", requestId: "r1", traceparent: undefined } as unknown as CallContext;
  const answer = traceTool(span, { tool: "batch_sum", context, key: { keyId: "k1" } }, () => ANSWER);
  return answer.then((given) => {
    endCallSpan(span, RECORD, 0);
    return given;
  });
}
