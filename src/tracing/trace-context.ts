import { createTraceState, type SpanContext, TraceFlags } from "@opentelemetry/api";

/** Reads a well-formed W3C traceparent and its tracestate. The result names a span of another process. */
export function readSpanContext(traceparent: string, tracestate: string | undefined): SpanContext {
  return {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53, 55), 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  };
}

/** Writes a span as W3C traceparent. */
export function writeTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? "00" : "01"}`;
}
