import { SealwireError } from "../../errors.ts";
import { isTraceparent } from "../../wire/traceparent.ts";
import type { OperationOptions } from "../connection.ts";

/** What a call of a tool takes. */
export interface CallOptions extends OperationOptions {
  /**
   * Names the intent, 1 to 128 printable ASCII characters: the server does what is asked once under it, however often
   * it is sent. Give one to be able to repeat the call after a crash. Default: a fresh UUID.
   */
  readonly requestId?: string;
  /** W3C trace context, sent along unsigned. */
  readonly traceparent?: string;
  /** Gives an answer that is not ok, with its `error`, instead of throwing that. Refusals are thrown still. Default false. */
  readonly returnFailure?: boolean;
}

/** Throws OPTIONS_INVALID if the text is no W3C traceparent, version 00 or one like it. */
export function checkTraceparent(traceparent: string): void {
  if (isTraceparent(traceparent)) return;
  throw new SealwireError("OPTIONS_INVALID", `"${traceparent}" is no W3C traceparent.`);
}
