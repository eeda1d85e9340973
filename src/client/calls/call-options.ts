import { SealwireError } from "../../errors.ts";
import { isTraceparent, isTracestate } from "../../wire/traceparent.ts";
import type { OperationOptions } from "../connection.ts";

/** Options of a tool call. */
export interface CallOptions extends OperationOptions {
  /**
   * Identifies the intent, 1 to 128 printable ASCII characters. The server executes an intent once, however often it is
   * sent. Set it to be able to repeat the call after a crash. Default: a new UUID.
   */
  readonly requestId?: string;
  /** W3C trace context, which is sent unsigned. */
  readonly traceparent?: string;
  /** W3C tracestate that belongs to `traceparent`: at most 512 printable ASCII characters, sent unsigned. */
  readonly tracestate?: string;
  /**
   * Returns an answer that is not ok, with its `error`, instead of throwing the error. Refusals are still thrown.
   * Default false.
   */
  readonly returnFailure?: boolean;
}

/** Throws OPTIONS_INVALID for what is no W3C trace context of version 00 or a compatible version. */
export function checkTraceContext({ traceparent, tracestate }: Pick<CallOptions, "traceparent" | "tracestate">): void {
  if (traceparent !== undefined && !isTraceparent(traceparent))
    throw new SealwireError("OPTIONS_INVALID", `"${traceparent}" is not a W3C traceparent.`);
  if (tracestate === undefined) return;
  if (traceparent === undefined)
    throw new SealwireError("OPTIONS_INVALID", "tracestate is given without traceparent; give both.");
  if (!isTracestate(tracestate))
    throw new SealwireError("OPTIONS_INVALID", "tracestate must be 1 to 512 printable ASCII characters.");
}
