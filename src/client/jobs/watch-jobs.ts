import { WatchJobsRequest, WatchJobsResponse } from "../../../gen/sealwire/system/v1/watch_jobs.ts";
import { Status } from "../../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../errors.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import { fromTimeMs, toTimeMs } from "../../wire/duration.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import { decodeAs } from "../calls/tool-output.ts";
import type { Connection, OperationOptions } from "../connection.ts";
import { checkSuccession, invalidResponse } from "./job-answer.ts";
import { type JobSnapshot, readJob } from "./job-snapshot.ts";
import { resumedWatch, type Watched, type WatchUpdate } from "./resumed-watch.ts";
import { watchDeadline } from "./watch-deadline.ts";

/** Options of {@link watchJobs}. */
export interface WatchJobsOptions extends Omit<OperationOptions, "timeoutMs"> {
  /** Default: the jobs of all tools. */
  readonly tool?: string;
  /**
   * Includes jobs that ended at this time or later, by the server's clock, in Unix milliseconds. Default: open jobs
   * only.
   */
  readonly endedSinceMs?: number;
  /** Time for the whole watch, 1 to 86,400,000 ms. Default: no limit. */
  readonly timeoutMs?: number;
}

/** Watches all of the client's jobs until the caller stops it; see {@link follow}. */
export async function* watchJobs(
  connection: Connection,
  { signal, timeoutMs, ...selection }: WatchJobsOptions,
): AsyncGenerator<JobSnapshot, void, undefined> {
  using deadline = watchDeadline(connection, { signal, timeoutMs });
  yield* resumedWatch(connection, new WatchedJobs(selection, connection.options.heartbeatIntervalMs), deadline);
}

/** All jobs of the client as the target of a watch. */
export class WatchedJobs implements Watched<JobSnapshot> {
  readonly isKnown = false;
  readonly #tool: string;
  readonly #heartbeatIntervalMs: number;
  /** The open jobs, and the ended ones that the next stream may send again. */
  readonly #known = new Map<string, JobSnapshot>();
  readonly #endedSinceMs: number | undefined;
  #resumeMs: number | undefined;

  constructor({ tool = "", endedSinceMs }: WatchJobsOptions, heartbeatIntervalMs: number) {
    if (endedSinceMs !== undefined && !(endedSinceMs >= 0 && endedSinceMs <= MAX_TIME_MS)) {
      throw new SealwireError("OPTIONS_INVALID", `endedSinceMs is ${endedSinceMs}; give Unix milliseconds.`);
    }
    this.#tool = tool;
    this.#endedSinceMs = endedSinceMs === undefined ? undefined : Math.floor(endedSinceMs);
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
  }

  request() {
    const sinceMs = this.#resumeMs ?? this.#endedSinceMs;
    const value = WatchJobsRequest.encode({
      tool: this.#tool,
      endedSince: sinceMs === undefined ? undefined : fromTimeMs(sinceMs),
      heartbeatIntervalMs: this.#heartbeatIntervalMs,
    }).finish();
    return { tool: "watch_jobs", args: { typeUrl: `${TYPE_URL_PREFIX}sealwire.system.v1.WatchJobsRequest`, value } };
  }

  read({ status, result }: VerifiedResponse): WatchUpdate<JobSnapshot> {
    if (status !== Status.OK || result === undefined) {
      throw invalidResponse(`A message of watch_jobs has the status ${status} and ${result ? "a" : "no"} result.`);
    }
    const type = "sealwire.system.v1.WatchJobsResponse";
    const { jobs, resumeTime } = decodeAs(result, type, (bytes) => WatchJobsResponse.decode(bytes));
    if (resumeTime === undefined) throw invalidResponse("A message of watch_jobs does not say where to resume.");
    const items = jobs.map(readJob).filter((job) => this.#isNewer(job));
    this.#resumeFrom(toTimeMs(resumeTime));
    return { items, isNews: items.length > 0, isOver: false };
  }

  #isNewer(job: JobSnapshot): boolean {
    if (this.#tool !== "" && job.tool !== this.#tool) {
      throw invalidResponse(`Asked for jobs of ${this.#tool}, watch_jobs gives ${job.jobId} of ${job.tool}.`);
    }
    const known = this.#known.get(job.jobId);
    checkSuccession(known, job);
    this.#known.set(job.jobId, job);
    return known === undefined || job.revision > known.revision;
  }

  /** Sets the time from which the next stream resumes, and removes jobs that ended before. */
  #resumeFrom(resumeMs: number): void {
    if (this.#resumeMs !== undefined && resumeMs <= this.#resumeMs) return;
    this.#resumeMs = resumeMs;
    for (const [jobId, { state, endedAtMs = 0 }] of this.#known) {
      if (isTerminal(state) && endedAtMs < resumeMs) this.#known.delete(jobId);
    }
  }
}

/** The end of the year 9999, the largest value of a Timestamp. */
const MAX_TIME_MS = 253_402_300_799_000;
