import { status } from "@grpc/grpc-js";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import type { CallerTrace } from "../../tracing/tracing.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import { failClientSpan, startClientSpan } from "../calls/call-span.ts";
import type { Deadline } from "../calls/deadline.ts";
import { type Expectation, type Failure, readEnd, readMessage } from "../calls/outcome.ts";
import type { EncodedMessage, SignedAttempt } from "../calls/signer.ts";
import type { Connection } from "../connection.ts";
import type { RawStatus, RawStream } from "../transport/transport.ts";

/** The request of one stream of a watch. Its arguments contain the heartbeat interval of the client's options. */
export interface WatchRequest {
  readonly tool: string;
  readonly args: EncodedMessage;
  readonly requestId: string;
}

/** The reason for the early end of a stream. */
export type StreamEnd =
  /** The peer ended the stream with OK before the watch was complete. */
  | { readonly kind: "truncated" }
  /** No message arrived for 2.5 heartbeat intervals. */
  | { readonly kind: "silent" }
  | { readonly kind: "failed"; readonly failure: Failure; readonly attempt: SignedAttempt };

/** Number of heartbeat intervals without a message after which a stream counts as dead. */
const SILENT_INTERVALS = 2.5;

/**
 * Opens one WatchJob stream and yields each message as a verified Response, without gaps in the sequence. Returns how
 * the stream ended, and rejects with the deadline's reason. The caller may close the generator early.
 */
export async function* openWatch(
  connection: Connection,
  request: WatchRequest,
  deadline: Deadline,
): AsyncGenerator<VerifiedResponse, StreamEnd, undefined> {
  const span = startClientSpan(connection, WATCH_JOB_METHOD, request);
  if (span === undefined) return yield* readWatch(connection, request, deadline);
  let failure: unknown;
  try {
    const end = yield* readWatch(connection, request, deadline, span);
    if (end.kind === "failed") failure = end.failure.error;
    return end;
  } catch (thrown) {
    failure = thrown;
    throw thrown;
  } finally {
    if (failure === undefined) span.end();
    else failClientSpan(span, failure);
  }
}

async function* readWatch(
  { options, transport, signer }: Connection,
  request: WatchRequest,
  deadline: Deadline,
  trace?: CallerTrace,
): AsyncGenerator<VerifiedResponse, StreamEnd, undefined> {
  const { requestId } = request;
  const attempt = signer.sign({ ...request, method: WATCH_JOB_METHOD });
  const stream = transport.serverStream({
    path: WATCH_JOB_METHOD,
    message: attempt.frame,
    timeoutMs: deadline.remainingMs(),
    signal: deadline.signal,
    traceparent: trace?.traceparent,
    tracestate: trace?.tracestate,
  });
  const expected = { credentials: attempt.credentials, requestSignature: attempt.signature, requestId };
  const silenceMs = options.heartbeatIntervalMs * SILENT_INTERVALS;
  try {
    for (let sequence = 1; ; sequence += 1) {
      const next = await nextWithin(stream, silenceMs, options.clock);
      deadline.throwIfEnded();
      if (next === undefined) return { kind: "silent" };
      if (!(next instanceof Uint8Array)) return endOf(next, { ...expected, sequence }, attempt);
      const outcome = readMessage(next, { ...expected, sequence });
      if (outcome.kind !== "answer") return { kind: "failed", failure: outcome, attempt };
      yield outcome.response;
    }
  } finally {
    stream.cancel();
  }
}

function endOf(final: RawStatus, expected: Expectation, attempt: SignedAttempt): StreamEnd {
  if (final.code === status.OK) return { kind: "truncated" };
  return { kind: "failed", failure: readEnd(final, expected), attempt };
}

/** Returns the next message or the status; `undefined` if neither arrives in time. */
async function nextWithin(
  stream: RawStream,
  silenceMs: number,
  clock: Connection["options"]["clock"],
): Promise<Buffer | RawStatus | undefined> {
  let silent = false;
  using _ = clock.after(silenceMs, () => {
    silent = true;
    stream.cancel();
  });
  const next = await stream.next();
  return silent && !(next instanceof Uint8Array) ? undefined : next;
}
