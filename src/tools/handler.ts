import type { Logger } from "../runtime/logger.ts";

/**
 * The second parameter of a tool's handler. Some properties are created on first access and are missing in a copy, so
 * pass the object itself on.
 */
export interface ToolContext {
  /** The verified caller. */
  readonly clientId: string;
  /** Identifies the caller's intent; the same in every retry. */
  readonly requestId: string;
  /** The job's id in a job; `undefined` in a sync call. */
  readonly jobId: string | undefined;
  /** Number of the job's attempt, from 1 on; 1 in a sync call. */
  readonly attempt: number;
  /**
   * The same in every run for the same intent, and in no other: the job's id, or a hash of client, request id and
   * arguments. For a service that the handler calls and that must act once.
   */
  readonly idempotencyKey: string;
  /**
   * When the call or the attempt is ended at the latest, in Unix milliseconds by this process's clock: after the server's
   * limit or the caller's time limit, whichever is shorter, or after the `execution_timeout` of the job.
   */
  readonly deadlineMs: number;
  /** Aborts on cancellation, time-out, drain and when the caller disconnects. */
  readonly signal: AbortSignal;
  /** The verified bytes of the input. They include what generated types lose (-0 or unset values in a Struct). */
  readonly args: Uint8Array;
  /** W3C trace context: that of the tool's span, or without tracing that of the call, if the client sent one. */
  readonly traceparent: string | undefined;
  /** W3C tracestate that belongs to `traceparent`. */
  readonly tracestate: string | undefined;
  /** Logs with the client, request and job ids. */
  readonly logger: Logger;
  /**
   * Reports progress of a job; ignored in a sync call. `completed` and `total` are whole numbers of 0 or more; `total`
   * 0 means unknown. For fractions use `progress(50, 100)` instead of `progress(0.5, 1)`. Never throws, so that a
   * report cannot fail a job: a fraction is rounded, a `total` below `completed` becomes unknown, an invalid count
   * becomes 0, and a `message` that is not a string is omitted. The first such report of an attempt is logged as a
   * warning that names the argument.
   */
  progress(completed: number, total: number, message?: string): void;
}

/** Shared by all copies of this package in a process. */
const BYTES: unique symbol = Symbol.for("sealwire.output-bytes");

/** An encoded response message; see {@link outputBytes}. */
export interface OutputBytes {
  readonly [BYTES]: Uint8Array;
}

/**
 * Marks bytes as the encoded response message of a handler. They are sent unchanged. Bytes that are not a strict
 * encoding of the message fail the call with INTERNAL.
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

/** The bytes of an {@link OutputBytes}; `undefined` for any other value. */
export function readOutputBytes(output: unknown): Uint8Array | undefined {
  return typeof output === "object" && output !== null && BYTES in output ? (output as OutputBytes)[BYTES] : undefined;
}
