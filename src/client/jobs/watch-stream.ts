import { status } from "@grpc/grpc-js";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { WATCH_JOB_METHOD } from "../../wire/limits.ts";
import type { Deadline } from "../calls/deadline.ts";
import { type Expectation, type Failure, readFailure, readMessage } from "../calls/outcome.ts";
import type { EncodedMessage, SignedAttempt } from "../calls/signer.ts";
import type { Connection } from "../connection.ts";
import type { RawStatus, RawStream } from "../transport/transport.ts";

/** What one stream of a watch asks for. Its arguments hold the heartbeat interval of the client's options. */
export interface WatchRequest {
  readonly tool: string;
  readonly args: EncodedMessage;
  readonly requestId: string;
}

/** How a stream ended from which more was to come. */
export type StreamEnd =
  /** The peer says OK, so the rest was cut off. */
  | { readonly kind: "truncated" }
  /** Nothing came for 2.5 heartbeat intervals. */
  | { readonly kind: "silent" }
  | { readonly kind: "failed"; readonly failure: Failure; readonly attempt: SignedAttempt };

/** A stream without any message for so many heartbeat intervals is taken for dead. */
const SILENT_INTERVALS = 2.5;

/**
 * Opens one WatchJob stream and yields each message as a verified Response, in unbroken sequence. Returns how the
 * stream ended, and rejects with the deadline's reason. A caller who has seen enough returns the generator early.
 */
export async function* openWatch(
  { options, transport, signer }: Connection,
  request: WatchRequest,
  deadline: Deadline,
): AsyncGenerator<VerifiedResponse, StreamEnd, undefined> {
  const { requestId } = request;
  const attempt = signer.sign({ ...request, method: WATCH_JOB_METHOD });
  const stream = transport.serverStream({
    path: WATCH_JOB_METHOD,
    message: attempt.frame,
    timeoutMs: deadline.remainingMs(),
    signal: deadline.signal,
    traceparent: undefined,
  });
  const expected = { credentials: options.credentials, requestSignature: attempt.signature, requestId };
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
  return { kind: "failed", failure: readFailure(final, expected), attempt };
}

/** The next message or the status; `undefined` if neither comes in time. */
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
