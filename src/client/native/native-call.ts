import type { Metadata } from "@grpc/grpc-js";
import type { NativeFailure } from "./native-status.ts";

/** A call of an ordinary gRPC caller: one request, and any number of answers. */
export interface NativeCall {
  /** The caller's deadline, in Unix milliseconds; Infinity: none. */
  readonly deadlineMs: number;
  /** Aborts when the caller cancels or disconnects, and when its deadline has passed. */
  readonly signal: AbortSignal;
  /** True once the caller no longer waits. All answers are then discarded. */
  readonly isAbandoned: boolean;
  /** Sends the initial metadata. */
  sendMetadata(metadata: Metadata): void;
  /** Sends a message. Resolves when the caller can take the next one. Rejects when the signal aborts. */
  send(message: Uint8Array): Promise<void>;
  /** Sends the last message, if there is one, and ends the call with OK. */
  finish(message: Uint8Array | undefined, trailers: Metadata): void;
  /** Ends the call with a status. */
  fail(failure: NativeFailure): void;
}
