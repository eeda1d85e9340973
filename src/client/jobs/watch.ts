import { WatchJobRequest } from "../../../gen/sealwire/system/v1/watch_job.ts";
import type { SealwireError } from "../../errors.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import type { Connection, OperationOptions } from "../connection.ts";
import { checkRevision } from "../options.ts";
import { checkSuccession, invalidResponse, type JobAnswer, readJobAnswer } from "./job-answer.ts";
import type { JobSnapshot } from "./job-snapshot.ts";
import { resumedWatch, type Watched, type WatchUpdate } from "./resumed-watch.ts";
import { watchDeadline } from "./watch-deadline.ts";
import type { StreamEnd } from "./watch-stream.ts";

/** Options of {@link watchJob}. */
export interface WatchOptions extends Omit<OperationOptions, "timeoutMs"> {
  /** The newest revision that the caller knows. Only newer ones and the terminal one are yielded. Default 0. */
  readonly afterRevision?: number;
  /** Time for the whole watch, 1 to 86,400,000 ms. Default: no limit. */
  readonly timeoutMs?: number;
}

/** The job to watch. */
export interface WatchTarget {
  readonly jobId: string;
  /**
   * True if the server has confirmed the job before. An unreachable server then counts as restarting from the first
   * stream on.
   */
  readonly isKnown: boolean;
}

/**
 * Watches a job until its end: yields its current state, then each newer revision (progress may be merged), and returns
 * after the terminal one. A broken stream is resumed after the newest revision; see {@link follow}.
 */
export async function* watchJob(
  connection: Connection,
  target: WatchTarget,
  { afterRevision = 0, signal, timeoutMs }: WatchOptions = {},
): AsyncGenerator<JobAnswer, void, undefined> {
  const { heartbeatIntervalMs } = connection.options;
  using deadline = watchDeadline(
    connection,
    { signal, timeoutMs },
    (limitMs) => `Job ${target.jobId} did not end within the ${limitMs} ms of this watch; it goes on.`,
  );
  yield* resumedWatch(connection, new WatchedJob(target, afterRevision, heartbeatIntervalMs), deadline);
}

/** One job as the target of a watch. */
export class WatchedJob implements Watched<JobAnswer> {
  readonly isKnown: boolean;
  readonly #jobId: string;
  readonly #afterRevision: number;
  readonly #heartbeatIntervalMs: number;
  #known: JobSnapshot | undefined;
  #yielded: number;

  constructor({ jobId, isKnown }: WatchTarget, afterRevision: number, heartbeatIntervalMs: number) {
    this.isKnown = isKnown;
    this.#jobId = jobId;
    this.#afterRevision = checkRevision(afterRevision);
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
    this.#yielded = afterRevision;
  }

  request(end: StreamEnd | undefined) {
    // A stream that ended with OK but without the terminal state may have missed it: requests the state again.
    const afterRevision = end?.kind === "truncated" ? Math.max(0, this.#yielded - 1) : this.#yielded;
    const value = WatchJobRequest.encode({
      jobId: this.#jobId,
      afterRevision: BigInt(afterRevision),
      heartbeatIntervalMs: this.#heartbeatIntervalMs,
    }).finish();
    return { tool: "watch_job", args: { typeUrl: `${TYPE_URL_PREFIX}sealwire.system.v1.WatchJobRequest`, value } };
  }

  read(response: VerifiedResponse): WatchUpdate<JobAnswer> {
    const answer = readJobAnswer("watch_job", this.#jobId, response);
    const { job } = answer;
    checkSuccession(this.#known, job);
    if (job.revision < this.#afterRevision) throw staleRevision(job, this.#afterRevision);
    const isNews = this.#known === undefined || job.revision > this.#known.revision;
    const isOver = isTerminal(job.state);
    const isYielded = job.revision > this.#yielded || isOver;
    this.#known = job;
    if (isYielded) this.#yielded = job.revision;
    return { items: isYielded ? [answer] : [], isNews, isOver };
  }
}

function staleRevision({ jobId, revision }: JobSnapshot, afterRevision: number): SealwireError {
  return invalidResponse(
    `Job ${jobId} is at revision ${revision}, below ${afterRevision}, which the caller knows already.`,
  );
}
