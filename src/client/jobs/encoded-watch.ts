import { WatchJobRequest } from "../../../gen/sealwire/system/v1/watch_job.ts";
import { WatchJobsRequest } from "../../../gen/sealwire/system/v1/watch_jobs.ts";
import { SealwireError } from "../../errors.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { toTimeMs } from "../../wire/duration.ts";
import type { EncodedMessage } from "../calls/signer.ts";
import type { Connection } from "../connection.ts";
import { resumedWatch, type Watched, type WatchUpdate } from "./resumed-watch.ts";
import { WatchedJob, type WatchOptions } from "./watch.ts";
import { watchDeadline } from "./watch-deadline.ts";
import { WatchedJobs } from "./watch-jobs.ts";
import type { StreamEnd } from "./watch-stream.ts";

/** A request of a system tool that answers with a stream. */
export interface EncodedWatchRequest {
  readonly tool: "watch_job" | "watch_jobs";
  readonly args: EncodedMessage;
}

/**
 * Watches by an encoded request, which the first stream sends unchanged, and yields the encoded message of every
 * verified answer. A resumed stream may repeat a state that was yielded before. Throws ARGS_INVALID if the request does
 * not decode.
 */
export async function* watchEncoded(
  connection: Connection,
  request: EncodedWatchRequest,
  { signal, timeoutMs }: Omit<WatchOptions, "afterRevision">,
): AsyncGenerator<Uint8Array, void, undefined> {
  using deadline = watchDeadline(connection, { signal, timeoutMs });
  yield* resumedWatch(connection, new EncodedWatch(request, connection.options.heartbeatIntervalMs), deadline);
}

class EncodedWatch implements Watched<Uint8Array> {
  readonly isKnown = false;
  readonly #first: EncodedWatchRequest;
  readonly #target: Watched<unknown>;
  /** True if the request asks for heartbeats that are too rare for the client, which then asks for its own. */
  readonly #isSilent: boolean;

  constructor(first: EncodedWatchRequest, heartbeatIntervalMs: number) {
    this.#first = first;
    const { target, requestedMs } = readTarget(first, heartbeatIntervalMs);
    const intervalMs = requestedMs === 0 ? HEARTBEAT_DEFAULT_MS : requestedMs;
    this.#target = target;
    this.#isSilent = intervalMs > heartbeatIntervalMs && intervalMs <= HEARTBEAT_MOST_MS;
  }

  request(end: StreamEnd | undefined) {
    return end === undefined && !this.#isSilent ? this.#first : this.#target.request(end);
  }

  read(response: VerifiedResponse): WatchUpdate<Uint8Array> {
    const update = this.#target.read(response);
    return { ...update, items: response.result === undefined ? [] : [response.result.value] };
  }
}

/** The interval of heartbeats of a request that names none. */
const HEARTBEAT_DEFAULT_MS = 15_000;
/** The longest interval of heartbeats that a server accepts. */
const HEARTBEAT_MOST_MS = 60_000;

function readTarget({ tool, args }: EncodedWatchRequest, ownMs: number) {
  if (tool === "watch_job") {
    const { jobId, afterRevision, heartbeatIntervalMs } = decoded(tool, () => WatchJobRequest.decode(args.value));
    const target = new WatchedJob({ jobId, isKnown: false }, Math.max(0, Number(afterRevision)), ownMs);
    return { target, requestedMs: heartbeatIntervalMs };
  }
  const request = decoded(tool, () => WatchJobsRequest.decode(args.value));
  const { endedSince, heartbeatIntervalMs } = request;
  const sinceMs = endedSince === undefined ? undefined : Math.max(0, toTimeMs(endedSince));
  const target = new WatchedJobs(
    { tool: request.tool, ...(sinceMs !== undefined && { endedSinceMs: sinceMs }) },
    ownMs,
  );
  return { target, requestedMs: heartbeatIntervalMs };
}

function decoded<T>(tool: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw new SealwireError("ARGS_INVALID", `The request of ${tool} does not decode; encode it by its contract.`, {
      cause,
    });
  }
}
