import type { Logger } from "../runtime/logger.ts";

/** What a tool's handler is given beside its input. Pass it on as it is: some of it is made when first asked for, and missing in a copy. */
export interface ToolContext {
  /** The verified caller. */
  readonly clientId: string;
  /** Names the caller's intent; the same on every retry. */
  readonly requestId: string;
  /** Set in a job. */
  readonly jobId: string | undefined;
  /** 1 in a sync call; counts claims in a job. */
  readonly attempt: number;
  /** Aborts on cancel, time-out, drain and a caller that went away. */
  readonly signal: AbortSignal;
  /** The verified bytes of the input, for what generated types lose (-0 or unset values in a Struct). */
  readonly args: Uint8Array;
  /** W3C trace context of the call, if the caller sent one. */
  readonly traceparent: string | undefined;
  /** Has the client, request and job ids bound. */
  readonly logger: Logger;
  /**
   * Reports progress of a job; ignored in a sync call. `completed` and `total` are whole numbers of 0 or more; `total` 0
   * means unknown. Never throws, so that a report cannot fail a job: a fraction is rounded, a `total` below `completed`
   * counts as unknown, what is no count as 0, and a `message` that is no text is left out. The log warns of the first such
   * report of an attempt and names the argument. Fractions of the work: `progress(50, 100)` in place of `progress(0.5, 1)`.
   */
  progress(completed: number, total: number, message?: string): void;
}

/** The same in every copy of this package in a process. */
const BYTES: unique symbol = Symbol.for("sealwire.output-bytes");

/** A response message that is already encoded; see {@link outputBytes}. */
export interface OutputBytes {
  readonly [BYTES]: Uint8Array;
}

/**
 * Lets a handler return its response message as bytes, exactly as they are to be sent. Bytes that are no strict
 * encoding
 * of that message fail the call as INTERNAL.
 *
 * @example
 * ```ts
 * const tool = implement(GreetToolServiceDefinition, {
 *   greet: ({ name }) => outputBytes(GreetResponse.encode({ text: `Hello, ${name}!` }).finish()),
 *   greetSlowly: () => ({ text: "Hello at last!" }),
 * });
 * ```
 */
export function outputBytes(bytes: Uint8Array): OutputBytes {
  return { [BYTES]: bytes };
}

/** The bytes of an {@link OutputBytes}, `undefined` for anything else. */
export function readOutputBytes(output: unknown): Uint8Array | undefined {
  return typeof output === "object" && output !== null && BYTES in output ? (output as OutputBytes)[BYTES] : undefined;
}
