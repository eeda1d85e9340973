import { SealwireError } from "../../errors.ts";
import { isTraceparent } from "../../wire/traceparent.ts";
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
  /**
   * Returns an answer that is not ok, with its `error`, instead of throwing the error. Refusals are still thrown.
   * Default false.
   */
  readonly returnFailure?: boolean;
}

/** Throws OPTIONS_INVALID if the text is not a W3C traceparent of version 00 or a compatible version. */
export function checkTraceparent(traceparent: string): void {
  if (isTraceparent(traceparent)) return;
  throw new SealwireError("OPTIONS_INVALID", `"${traceparent}" is not a W3C traceparent.`);
}
