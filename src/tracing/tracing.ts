import { type Link, ROOT_CONTEXT, SpanKind, TraceFlags, type Tracer, trace } from "@opentelemetry/api";
import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import { checkNumber, type NumberRange } from "../runtime/number-range.ts";
import { TokenBucket } from "../runtime/token-bucket.ts";
import { isTraceparent } from "../wire/traceparent.ts";
import { rpcAttributes } from "./attributes.ts";
import { OpenSpan, type SpanStart } from "./open-span.ts";
import { registeredTracer } from "./registered-tracer.ts";
import { readSpanContext } from "./trace-context.ts";

/** The values of {@link TracingOptions.jobTraces}. */
export const JOB_TRACES = ["linked", "child"] as const;
/** The range of {@link TracingOptions.sampledCallsPerSecond}. */
export const SAMPLED_LIMITS: NumberRange = { least: 0, most: 1_000_000 };
/** The default of {@link TracingOptions.sampledCallsPerSecond}. */
export const SAMPLED_CALLS_PER_SECOND = 100;

/**
 * How a server or worker takes part in traces. Spans are made for the OpenTelemetry provider that the process has
 * registered; without one, nothing is made.
 */
export interface TracingOptions {
  /**
   * Maximum number of calls in a second, 0 to 1,000,000, that are recorded in the trace of their caller, because it is
   * marked as sampled or has an id that the sampler chooses. Neither is signed, so they must not decide how much is
   * recorded. A further call begins a trace of its own, which is linked to that of the caller and sampled like any other.
   * Default 100.
   */
  readonly sampledCallsPerSecond?: number;
  /**
   * `"linked"`: each attempt of a job is a trace of its own, linked to that of the call. `"child"`: the attempts belong to
   * the trace of the call. Default "linked".
   */
  readonly jobTraces?: "linked" | "child";
}

/** The trace context of a caller, unsigned. */
export interface CallerTrace {
  /** W3C traceparent. */
  readonly traceparent: string | undefined;
  /** W3C tracestate. */
  readonly tracestate: string | undefined;
}

/** Maximum number of spans per second for requests of unknown callers. */
const STRANGERS_PER_SECOND = 10;

/** Starts the spans that begin in a server or worker. */
export class Tracing {
  readonly #jobTraces: "linked" | "child";
  readonly #sampled: TokenBucket;
  readonly #strangers: TokenBucket;

  /** Throws OPTIONS_INVALID naming the option. */
  constructor(clock: Clock, options: TracingOptions = {}) {
    const { sampledCallsPerSecond = SAMPLED_CALLS_PER_SECOND, jobTraces = "linked" } = options;
    const perSecond = checkNumber("tracing.sampledCallsPerSecond", sampledCallsPerSecond, SAMPLED_LIMITS);
    if (!JOB_TRACES.includes(jobTraces)) {
      throw new SealwireError("OPTIONS_INVALID", `tracing.jobTraces is "${jobTraces}"; give "linked" or "child".`);
    }
    this.#jobTraces = jobTraces;
    this.#sampled = new TokenBucket(clock, perSecond);
    this.#strangers = new TokenBucket(clock, STRANGERS_PER_SECOND);
  }

  /** Starts the span of a verified call; `undefined` if no provider is registered. `path`: its gRPC path. */
  startCall(path: string, caller: CallerTrace): OpenSpan | undefined {
    const tracer = registeredTracer();
    return tracer && this.#startContinued(tracer, serverSpan(path), caller);
  }

  /**
   * Starts the span of a refused request whose caller is unknown; `undefined` if no provider is registered, and for more
   * than 10 in a second. It never belongs to the trace that the request names.
   */
  startRefused(path: string): OpenSpan | undefined {
    const tracer = registeredTracer();
    if (tracer === undefined || !this.#strangers.take()) return undefined;
    return OpenSpan.start(tracer, { ...serverSpan(path), parent: ROOT_CONTEXT });
  }

  /** Starts the span of an attempt of a job; `undefined` if no provider is registered. `submitted`: that of the call. */
  startAttempt(
    { name, attributes }: Pick<SpanStart, "name" | "attributes">,
    submitted: CallerTrace,
  ): OpenSpan | undefined {
    const tracer = registeredTracer();
    if (tracer === undefined) return undefined;
    const span = { name, attributes, kind: SpanKind.CONSUMER };
    if (this.#jobTraces === "child") return this.#startContinued(tracer, span, submitted);
    return OpenSpan.start(tracer, { ...span, ...linkedTo(submitted) });
  }

  /** Starts a span in the trace of the caller, within the limit of those that are sampled; otherwise in a linked one. */
  #startContinued(tracer: Tracer, span: Omit<SpanStart, "parent">, caller: CallerTrace): OpenSpan {
    const { traceparent, tracestate } = caller;
    if (traceparent === undefined || !isTraceparent(traceparent)) {
      return OpenSpan.start(tracer, { ...span, parent: ROOT_CONTEXT });
    }
    const parent = readSpanContext(traceparent, tracestate);
    const isMarked = (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
    if (isMarked && !this.#sampled.take()) return OpenSpan.start(tracer, { ...span, ...linkedTo(caller) });
    const started = OpenSpan.start(tracer, { ...span, parent: trace.setSpanContext(ROOT_CONTEXT, parent) });
    // A sampler by ratio looks at the id of the trace, which the caller may have chosen. A span that never ends is not sent.
    if (isMarked || !started.isSampled || this.#sampled.take()) return started;
    return OpenSpan.start(tracer, { ...span, ...linkedTo(caller) });
  }
}

function serverSpan(path: string): Omit<SpanStart, "parent"> {
  return { name: path.slice(1), kind: SpanKind.SERVER, attributes: rpcAttributes(path) };
}

/** A new trace with a link. */
function linkedTo({ traceparent, tracestate }: CallerTrace): Pick<SpanStart, "parent" | "links"> {
  if (traceparent === undefined || !isTraceparent(traceparent)) return { parent: ROOT_CONTEXT };
  const link: Link = { context: readSpanContext(traceparent, tracestate) };
  return { parent: ROOT_CONTEXT, links: [link] };
}
