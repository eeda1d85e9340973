import { isTraceparent, traceIdOf } from "../wire/traceparent.ts";

/** The trace context of a job. */
export interface JobTrace {
  /** W3C traceparent. */
  readonly traceparent: string | undefined;
  /** W3C tracestate. */
  readonly tracestate: string | undefined;
}

/** The text that the column `traceparent` of a job contains: the traceparent, followed by a space and the tracestate. */
export function writeStoredTrace(traceparent: string, tracestate: string | undefined): string {
  return tracestate === undefined ? traceparent : `${traceparent} ${tracestate}`;
}

/** Reads the column `traceparent` of a job. */
export function readStoredTrace(text: string | null): JobTrace {
  if (text === null) return { traceparent: undefined, tracestate: undefined };
  const space = text.indexOf(" ");
  return space < 0
    ? { traceparent: text, tracestate: undefined }
    : { traceparent: text.slice(0, space), tracestate: text.slice(space + 1) };
}

/** The id of the trace in the column `traceparent` of a job; `undefined` if it contains none. */
export function storedTraceId(text: string | null): string | undefined {
  const { traceparent = "" } = readStoredTrace(text);
  return isTraceparent(traceparent) ? traceIdOf(traceparent) : undefined;
}
