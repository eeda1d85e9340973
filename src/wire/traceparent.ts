import type { Metadata } from "@grpc/grpc-js";

/** Version ff and ids of zeros are invalid (W3C Trace Context, section 3.2.2). */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE = /^[ -~]{1,512}$/;

/** True if the text is a W3C traceparent of version 00, or of another version with the same fields. */
export function isTraceparent(text: string): boolean {
  return TRACEPARENT.test(text);
}

/** True if the text can be a W3C tracestate: at most 512 printable ASCII characters. */
export function isTracestate(text: string): boolean {
  return TRACESTATE.test(text);
}

/** The id of the trace that a traceparent names. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** A W3C trace context; empty if there is none. */
export interface TraceContext {
  readonly traceparent?: string;
  /** Only with `traceparent`. */
  readonly tracestate?: string;
}

/** The W3C trace context in texts of unknown origin, without what is malformed. */
export function traceContextOf(traceparent: unknown, tracestate: unknown): TraceContext {
  if (typeof traceparent !== "string" || !isTraceparent(traceparent)) return {};
  return typeof tracestate === "string" && isTracestate(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The W3C trace context of a call. */
export function readTraceContext(metadata: Metadata): TraceContext {
  return traceContextOf(readTraceparent(metadata), readTracestate(metadata));
}

/** The W3C traceparent of a call; `undefined` if it is missing or malformed. */
export function readTraceparent(metadata: Metadata): string | undefined {
  const [value] = metadata.get("traceparent");
  return typeof value === "string" && isTraceparent(value) ? value : undefined;
}

/** The W3C tracestate of a call, as received; `undefined` if it is missing or none. */
export function readTracestate(metadata: Metadata): string | undefined {
  const values = metadata.get("tracestate").filter((value) => typeof value === "string");
  const text = values.join(",");
  return isTracestate(text) ? text : undefined;
}
