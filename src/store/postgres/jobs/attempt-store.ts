import type { FairQueue, TenantQueue } from "../../../jobs/fair-queue.ts";
import type { JobProgress } from "../../../jobs/job.ts";
import type { JobChanges } from "../../../jobs/job-changes.ts";
import { jobErrorOf } from "../../../jobs/job-error.ts";
import { type JobRow, toClaimedAttempt } from "../../../jobs/job-row.ts";
import type {
  AttemptKey,
  AttemptStore,
  Claim,
  ClaimedAttempt,
  ClaimRequest,
  Outcome,
  Review,
  RunListener,
} from "../../../jobs/worker/attempt-store.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { lockOwners } from "../advisory-locks.ts";
import type { Database } from "../database.ts";
import type { Queries } from "../queries.ts";
import { type ClaimedRow, claimJobs, countRunning, type QueueShare, readNextDue, readQueues } from "./claim-jobs.ts";
import { findLostAttempts, findOwnAttempts, recordProgress, reviewAttempts } from "./run-attempts.ts";
import { settle, succeed } from "./settle-job.ts";

const QUEUES_RELOAD_MS = 5_000;
const LOST_SLICE = 100;

/** What the attempt store of a shared store works with. */
export interface PostgresAttemptStoreOptions {
  readonly database: Database;
  readonly instanceId: string;
  /** Of the locks that a cap of one owner's running jobs is counted under. */
  readonly capLockSpace: number;
  readonly fairQueue: FairQueue;
  readonly changes: JobChanges;
  readonly clock: Clock;
}

/** What one claim has found out so far. */
interface Round {
  /** The queues that gave all they had for now. */
  readonly exhausted: Set<TenantQueue>;
  readonly nowMs: number;
}

/** The {@link AttemptStore} of a shared store. */
export class PostgresAttemptStore implements AttemptStore {
  readonly #options: PostgresAttemptStoreOptions;
  /** The attempts that this process runs: what else the database holds for its own is lost. */
  readonly #live = new Map<string, number>();
  #claims = 0;
  #claimsUnderWay = 0;
  /** When the queues are to be read from the database again, monotonic milliseconds. */
  #queuesReloadMs = Number.NEGATIVE_INFINITY;

  constructor(options: PostgresAttemptStoreOptions) {
    this.#options = options;
  }

  async claim(request: ClaimRequest): Promise<Claim> {
    await this.#reloadQueuesIfDue();
    this.#claims += 1;
    this.#claimsUnderWay += 1;
    try {
      return await this.#claim(request, this.#options.clock.nowMs());
    } finally {
      this.#claimsUnderWay -= 1;
    }
  }

  async recordProgress(attempt: AttemptKey, progress: JobProgress): Promise<void> {
    this.#committed(await recordProgress(this.#options.database, attempt, progress));
  }

  async settle(attempt: AttemptKey, outcome: Outcome, progress: JobProgress | undefined): Promise<boolean> {
    const { database, clock } = this.#options;
    const ending = { attempt, outcome, progress, nowMs: clock.nowMs() };
    const row =
      outcome.kind === "succeeded"
        ? await succeed(database, ending, outcome.result)
        : await database.transaction((queries) => settle(queries, ending));
    this.drop(attempt);
    this.#committed(row);
    return row !== undefined;
  }

  drop({ jobId, attempt }: AttemptKey): void {
    if (this.#live.get(jobId) === attempt) this.#live.delete(jobId);
  }

  review(running: readonly AttemptKey[]): Promise<Review> {
    return reviewAttempts(this.#options.database, running);
  }

  listen(listener: RunListener): Disposable {
    return this.#options.changes.listen(listener);
  }

  /**
   * Ends the attempts that nobody runs as failed with WORKER_LOST: their process is gone, or was never told that it
   * claimed them. Another attempt follows if the policy grants one.
   */
  async recoverLost(): Promise<void> {
    const { database } = this.#options;
    const outcome: Outcome = { kind: "failed", error: jobErrorOf("WORKER_LOST"), retry: true };
    for (const attempt of [...(await this.#findOrphans()), ...(await findLostAttempts(database, LOST_SLICE))]) {
      await this.settle(attempt, outcome, undefined);
    }
  }

  /** Attempts that the database holds for this process's own but that it does not run. */
  async #findOrphans(): Promise<readonly AttemptKey[]> {
    const claims = this.#claims;
    if (this.#claimsUnderWay > 0) return [];
    const own = await findOwnAttempts(this.#options.database, this.#options.instanceId);
    // A claim that was made meanwhile may have begun what is not yet noted here.
    if (claims !== this.#claims) return [];
    return own.filter(({ jobId, attempt }) => this.#live.get(jobId) !== attempt);
  }

  async #claim(request: ClaimRequest, nowMs: number): Promise<Claim> {
    const attempts: ClaimedAttempt[] = [];
    // Queues that gave less than was asked of them: what is left in them is not due, another worker's or above a cap.
    const exhausted = new Set<TenantQueue>();
    try {
      while (attempts.length < request.count) {
        const shares = this.#share(request, { left: request.count - attempts.length, exhausted, nowMs });
        if (shares.length === 0) break;
        const rows = await this.#claimShares(shares, request.perOwner, nowMs);
        attempts.push(...rows.map((row) => this.#begun(row)));
        await this.#noteYield(shares, rows, { exhausted, nowMs });
      }
    } catch (error) {
      // What was claimed before must be run all the same.
      if (attempts.length === 0) throw error;
    }
    const nextDueMs = this.#nextDueMs(request, { exhausted, nowMs });
    return { attempts, nextDueInMs: nextDueMs === undefined ? undefined : Math.max(0, nextDueMs - nowMs) };
  }

  /** Deals the free places out to the queues in turn, those of the highest priority first. */
  #share({ handles }: ClaimRequest, { left, exhausted, nowMs }: Round & { readonly left: number }): QueueShare[] {
    const { fairQueue } = this.#options;
    for (const priority of fairQueue.priorities()) {
      const due = [...fairQueue.inTurn(priority)].filter(
        (queue) => handles(queue.tool) && queue.dueAtMs <= nowMs && !exhausted.has(queue),
      );
      const takers = due.slice(0, left);
      for (const queue of takers) fairQueue.moveToEnd(queue);
      const each = Math.floor(left / takers.length);
      if (takers.length > 0)
        return takers.map((queue, index) => ({ queue, places: each + (index < left % takers.length ? 1 : 0) }));
    }
    return [];
  }

  async #claimShares(
    shares: readonly QueueShare[],
    perOwner: number | undefined,
    nowMs: number,
  ): Promise<ClaimedRow[]> {
    const { database, instanceId, capLockSpace } = this.#options;
    const claim = (queries: Queries, open: readonly QueueShare[]) => claimJobs(queries, open, { instanceId, nowMs });
    if (perOwner === undefined) return claim(database, shares);
    return database.transaction(async (queries) => {
      const owners = shares.map(({ queue }) => queue.owner);
      await lockOwners(queries, capLockSpace, owners);
      return claim(queries, underCap(shares, await countRunning(queries, owners), perOwner));
    });
  }

  /** Looks when the next job is due in the queues that gave less than was asked of them. */
  async #noteYield(
    shares: readonly QueueShare[],
    rows: readonly ClaimedRow[],
    { exhausted, nowMs }: Round,
  ): Promise<void> {
    const short = shares
      .filter(({ queue, places }) => rows.filter((row) => isOf(row, queue)).length < places)
      .map(({ queue }) => queue);
    if (short.length === 0) return;
    for (const queue of short) exhausted.add(queue);
    const { fairQueue } = this.#options;
    const before = short.map((queue) => fairQueue.additionsTo(queue));
    const dueAtMs = await readNextDue(this.#options.database, short, nowMs);
    short.forEach((queue, index) => {
      const due = dueAtMs[index];
      // A job that was queued meanwhile may not be in what was read.
      if (fairQueue.additionsTo(queue) !== before[index]) return;
      if (due === undefined) fairQueue.remove(queue);
      else queue.dueAtMs = due;
    });
  }

  #nextDueMs({ handles }: ClaimRequest, { exhausted, nowMs }: Round): number | undefined {
    const { fairQueue } = this.#options;
    let nextDueMs = Number.POSITIVE_INFINITY;
    for (const priority of fairQueue.priorities()) {
      for (const queue of fairQueue.inTurn(priority)) {
        const waits = exhausted.has(queue) && queue.dueAtMs <= nowMs;
        if (handles(queue.tool) && !waits) nextDueMs = Math.min(nextDueMs, queue.dueAtMs);
      }
    }
    return Number.isFinite(nextDueMs) ? nextDueMs : undefined;
  }

  /** Other processes queue jobs, too, and a notification of theirs may be lost. */
  async #reloadQueuesIfDue(): Promise<void> {
    const { database, fairQueue, clock } = this.#options;
    if (clock.monotonicMs() < this.#queuesReloadMs) return;
    this.#queuesReloadMs = clock.monotonicMs() + QUEUES_RELOAD_MS;
    try {
      // Added, not put in the place of those known: a job that was queued meanwhile may not be among what was read. A queue
      // that is empty goes with the claim that finds it so.
      for (const queue of await readQueues(database, clock.nowMs())) fairQueue.add(queue);
    } catch (error) {
      this.#queuesReloadMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  #begun(row: ClaimedRow): ClaimedAttempt {
    this.#live.set(row.job_id, row.attempt);
    this.#committed(row);
    return toClaimedAttempt(row, row.args);
  }

  #committed(row: JobRow | undefined): void {
    if (row !== undefined) this.#options.changes.committed(row);
  }
}

/** The shares that leave no owner with more than `perOwner` running jobs. */
function underCap(
  shares: readonly QueueShare[],
  running: ReadonlyMap<string, number>,
  perOwner: number,
): readonly QueueShare[] {
  const taken = new Map(running);
  return shares.map(({ queue, places }) => {
    const before = taken.get(queue.owner) ?? 0;
    const allowed = Math.max(0, Math.min(places, perOwner - before));
    taken.set(queue.owner, before + allowed);
    return { queue, places: allowed };
  });
}

function isOf(row: JobRow, queue: TenantQueue): boolean {
  return row.priority === queue.priority && row.tool === queue.tool && row.owner === queue.owner;
}
