import type { DatabaseSync } from "node:sqlite";
import type { FairQueue } from "../../../jobs/fair-queue.ts";
import type { JobProgress } from "../../../jobs/job.ts";
import { lostAttemptError } from "../../../jobs/job-error.ts";
import { type JobRow, toClaimedAttempt } from "../../../jobs/job-row.ts";
import type {
  AttemptKey,
  AttemptOutcome,
  AttemptStore,
  Claim,
  ClaimRequest,
  Review,
  RunListener,
} from "../../../jobs/worker/attempt-store.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { CommitGroup } from "../commit-group.ts";
import { reading } from "../storage-error.ts";
import { prepareClaim } from "./claim-jobs.ts";
import type { JobCounts } from "./job-counts.ts";
import { type JobReads, prepareReads } from "./read-jobs.ts";
import { prepareReadQueues } from "./read-queues.ts";
import type { RecentJobs } from "./recent-jobs.ts";
import { prepareRecordProgress } from "./record-progress.ts";
import { type Ending, prepareSettle } from "./settle-job.ts";

const QUEUES_RELOAD_MS = 30_000;

/** Options of a {@link SqliteAttemptStore}. */
export interface SqliteAttemptStoreOptions {
  readonly db: DatabaseSync;
  readonly commits: CommitGroup;
  /** Id of this process. */
  readonly instanceId: string;
  readonly counts: JobCounts;
  readonly fairQueue: FairQueue;
  readonly changes: RecentJobs;
  readonly clock: Clock;
}

/** The {@link AttemptStore} of the embedded store. */
export class SqliteAttemptStore implements AttemptStore {
  readonly #options: SqliteAttemptStoreOptions;
  readonly #claim: ReturnType<typeof prepareClaim>;
  readonly #readQueues: ReturnType<typeof prepareReadQueues>;
  readonly #settle: ReturnType<typeof prepareSettle>;
  readonly #recordProgress: ReturnType<typeof prepareRecordProgress>;
  readonly #reads: JobReads;
  /** Running attempts of this process. Other attempts that the database holds as running are lost. */
  readonly #live = new Map<string, number>();
  /** Time of the next read of the queues from the database, monotonic milliseconds. */
  #queuesReloadMs = Number.NEGATIVE_INFINITY;

  constructor(options: SqliteAttemptStoreOptions) {
    const { db, instanceId, counts, fairQueue, changes } = options;
    this.#options = options;
    this.#claim = prepareClaim({ db, instanceId, counts, fairQueue, changes });
    this.#readQueues = prepareReadQueues(db);
    this.#settle = prepareSettle(db, counts);
    this.#recordProgress = prepareRecordProgress(db, counts);
    this.#reads = prepareReads(db);
  }

  async claim(request: ClaimRequest): Promise<Claim> {
    const { commits, clock } = this.#options;
    this.#reloadQueuesIfDue();
    const nowMs = clock.nowMs();
    let isRepeated = false;
    try {
      const { claimed, nextDueMs } = await commits.run(
        () => {
          // The queues in memory already include the claims of the run that was rolled back.
          if (isRepeated) this.#reloadQueues();
          isRepeated = true;
          return this.#claim(request, nowMs);
        },
        (claim) => {
          for (const { row } of claim.claimed) this.#begun(row);
        },
      );
      return {
        attempts: claimed.map(({ row, ...rest }) => toClaimedAttempt(row, rest)),
        nextDueInMs: nextDueMs === undefined ? undefined : Math.max(0, nextDueMs - nowMs),
      };
    } catch (error) {
      this.#queuesReloadMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  async recordProgress(attempt: AttemptKey, progress: JobProgress): Promise<void> {
    const { commits, changes } = this.#options;
    const job = reading(() => changes.find(attempt.jobId));
    if (job === undefined) return;
    await commits.run(
      () => this.#recordProgress({ job, attempt: attempt.attempt, progress }),
      (row) => row && changes.committed(row),
    );
  }

  async settle(attempt: AttemptKey, outcome: AttemptOutcome, progress: JobProgress | undefined): Promise<boolean> {
    const { commits, changes, clock } = this.#options;
    const job = reading(() => changes.find(attempt.jobId));
    if (job === undefined) {
      this.drop(attempt);
      return false;
    }
    const settled = await commits.run(
      () => this.#applyOutcome({ job, attempt: attempt.attempt, progress, nowMs: clock.nowMs() }, outcome),
      (ended) => this.#ended(attempt, ended),
    );
    return settled !== undefined;
  }

  drop({ jobId, attempt }: AttemptKey): void {
    if (this.#live.get(jobId) === attempt) this.#live.delete(jobId);
  }

  async review(running: readonly AttemptKey[]): Promise<Review> {
    const known = new Map(reading(() => this.#reads.running()).map((row) => [row.jobId, row]));
    const replaced = running.filter(({ jobId, attempt }) => known.get(jobId)?.attempt !== attempt);
    const cancelRequested = running.filter(({ jobId }) => known.get(jobId)?.cancelRequested);
    return { cancelRequested: cancelRequested.map(idOf), replaced: replaced.map(idOf) };
  }

  listen(listener: RunListener): Disposable {
    return this.#options.changes.listen(listener);
  }

  /** Ends lost attempts as failed with WORKER_LOST. Another attempt follows if the policy allows one. */
  async recoverLost(): Promise<number> {
    const lost = reading(() => this.#reads.running()).filter(({ jobId, attempt }) => this.#live.get(jobId) !== attempt);
    const outcome: AttemptOutcome = { kind: "failed", error: lostAttemptError(), retry: true };
    await Promise.all(lost.map((attempt) => this.settle(attempt, outcome, undefined)));
    return lost.length;
  }

  /** The queues in memory may be outdated after a failed claim or a clock change. */
  #reloadQueuesIfDue(): void {
    if (this.#options.clock.monotonicMs() >= this.#queuesReloadMs) this.#reloadQueues();
  }

  #reloadQueues(): void {
    const { fairQueue, clock } = this.#options;
    fairQueue.replace(reading(() => [...this.#readQueues(clock.nowMs())]));
    this.#queuesReloadMs = clock.monotonicMs() + QUEUES_RELOAD_MS;
  }

  #applyOutcome(ending: Ending, outcome: AttemptOutcome): JobRow | undefined {
    return outcome.kind === "succeeded"
      ? this.#settle.succeed(ending, outcome.result)
      : this.#settle.end(ending, outcome);
  }

  #begun(row: JobRow): void {
    this.#live.set(row.job_id, row.attempt);
    this.#options.changes.committed(row);
  }

  #ended(attempt: AttemptKey, row: JobRow | undefined): void {
    this.drop(attempt);
    if (row !== undefined) this.#options.changes.committed(row);
  }
}

function idOf({ jobId }: AttemptKey): string {
  return jobId;
}
