import type { FairQueue, TenantQueue } from "../../../jobs/fair-queue.ts";
import type { JobProgress } from "../../../jobs/job.ts";
import type { JobChanges } from "../../../jobs/job-changes.ts";
import { lostAttemptError } from "../../../jobs/job-error.ts";
import { type JobRow, toClaimedAttempt } from "../../../jobs/job-row.ts";
import type {
  AttemptKey,
  AttemptOutcome,
  AttemptStore,
  Claim,
  ClaimedAttempt,
  ClaimRequest,
  Review,
  RunListener,
} from "../../../jobs/worker/attempt-store.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { lockOwners } from "../advisory-locks.ts";
import type { Database } from "../database.ts";
import type { Instance } from "../instance.ts";
import type { Queries } from "../queries.ts";
import { type ClaimedRow, claimJobs, countRunning, type QueueShare, readNextDue, readQueues } from "./claim-jobs.ts";
import { findLostAttempts, findOwnAttempts, recordProgress, reviewAttempts } from "./run-attempts.ts";
import { findSettled, settle, succeed } from "./settle-job.ts";

const QUEUES_RELOAD_MS = 5_000;
const LOST_SLICE = 100;

/** Options of a {@link PostgresAttemptStore}. */
export interface PostgresAttemptStoreOptions {
  readonly database: Database;
  readonly instance: Pick<Instance, "id" | "steadyUntilMs">;
  /** Lock space of the locks that protect the limit of an owner's running jobs. */
  readonly capLockSpace: number;
  readonly fairQueue: FairQueue;
  readonly changes: JobChanges;
  readonly clock: Clock;
}

/** The state of one claim. */
interface Round {
  /** Queues that have no more due jobs. */
  readonly exhausted: Set<TenantQueue>;
  readonly nowMs: number;
}

/** The {@link AttemptStore} of a shared store. */
export class PostgresAttemptStore implements AttemptStore {
  readonly #options: PostgresAttemptStoreOptions;
  /** Running attempts of this process. Other attempts that the database assigns to it are lost. */
  readonly #live = new Map<string, number>();
  /** Attempts whose end the database has not confirmed. It may have been recorded. */
  readonly #unconfirmed = new Map<string, number>();
  #claims = 0;
  #claimsUnderWay = 0;
  /** Time of the next read of the queues from the database, monotonic milliseconds. */
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

  async settle(attempt: AttemptKey, outcome: AttemptOutcome, progress: JobProgress | undefined): Promise<boolean> {
    const row = await this.#settle(attempt, outcome, progress);
    this.drop(attempt);
    this.#committed(row);
    return row !== undefined;
  }

  drop({ jobId, attempt }: AttemptKey): void {
    for (const attempts of [this.#live, this.#unconfirmed]) {
      if (attempts.get(jobId) === attempt) attempts.delete(jobId);
    }
  }

  review(running: readonly AttemptKey[]): Promise<Review> {
    return reviewAttempts(this.#options.database, running);
  }

  listen(listener: RunListener): Disposable {
    return this.#options.changes.listen(listener);
  }

  /**
   * Ends attempts that no process runs as failed with WORKER_LOST: their process is dead, or it did not receive the
   * result of its claim. Another attempt follows if the policy allows one.
   */
  async recoverLost(): Promise<void> {
    const { database, instance } = this.#options;
    const outcome: AttemptOutcome = { kind: "failed", error: lostAttemptError(), retry: true };
    for (const attempt of [
      ...(await this.#findOrphans()),
      ...(await findLostAttempts(database, instance, LOST_SLICE)),
    ]) {
      await this.settle(attempt, outcome, undefined);
    }
  }

  /** Returns no row if the attempt was not the running one. */
  async #settle(
    attempt: AttemptKey,
    outcome: AttemptOutcome,
    progress: JobProgress | undefined,
  ): Promise<JobRow | undefined> {
    const { database, clock } = this.#options;
    const { jobId } = attempt;
    const ending = { attempt, progress, nowMs: clock.nowMs() };
    try {
      const row =
        outcome.kind === "succeeded"
          ? await succeed(database, ending, outcome.result)
          : await database.transaction((queries) => settle(queries, ending, outcome));
      if (row !== undefined || this.#unconfirmed.get(jobId) !== attempt.attempt) return row;
      return await findSettled(database, attempt);
    } catch (error) {
      if (this.#live.get(jobId) === attempt.attempt) this.#unconfirmed.set(jobId, attempt.attempt);
      throw error;
    }
  }

  /** Attempts that the database assigns to this process but that it does not run. */
  async #findOrphans(): Promise<readonly AttemptKey[]> {
    const claims = this.#claims;
    if (this.#claimsUnderWay > 0) return [];
    const own = await findOwnAttempts(this.#options.database, this.#options.instance.id);
    // A concurrent claim may have begun attempts that are not recorded here yet.
    if (claims !== this.#claims) return [];
    return own.filter(({ jobId, attempt }) => this.#live.get(jobId) !== attempt);
  }

  async #claim(request: ClaimRequest, nowMs: number): Promise<Claim> {
    const attempts: ClaimedAttempt[] = [];
    // Queues that returned fewer jobs than requested. Their other jobs are not due, are being claimed by another worker
    // or exceed a limit.
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
      // Attempts that were claimed before the error must still run.
      if (attempts.length === 0) throw error;
    }
    const nextDueMs = this.#nextDueMs(request, { exhausted, nowMs });
    return { attempts, nextDueInMs: nextDueMs === undefined ? undefined : Math.max(0, nextDueMs - nowMs) };
  }

  /** Distributes the free capacity to the queues round-robin, highest priority first. */
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
    const { database, instance, capLockSpace } = this.#options;
    const context = { instanceId: instance.id, nowMs };
    const claim = (queries: Queries, open: readonly QueueShare[]) => claimJobs(queries, open, context);
    if (perOwner === undefined) return claim(database, shares);
    return database.transaction(async (queries) => {
      const owners = shares.map(({ queue }) => queue.owner);
      await lockOwners(queries, capLockSpace, owners);
      return claim(queries, underCap(shares, await countRunning(queries, owners), perOwner));
    });
  }

  /** Reads when the next job is due in the queues that returned fewer jobs than requested. */
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
      // The result may not include a job that was queued during the read.
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

  /** Other processes also queue jobs, and their notifications may be lost. */
  async #reloadQueuesIfDue(): Promise<void> {
    const { database, fairQueue, clock } = this.#options;
    if (clock.monotonicMs() < this.#queuesReloadMs) return;
    this.#queuesReloadMs = clock.monotonicMs() + QUEUES_RELOAD_MS;
    try {
      // Adds to the known queues instead of replacing them, because a job may have been queued during the read. The
      // next claim removes empty queues.
      for (const queue of await readQueues(database, clock.nowMs())) fairQueue.add(queue);
    } catch (error) {
      this.#queuesReloadMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  #begun(row: ClaimedRow): ClaimedAttempt {
    this.#live.set(row.job_id, row.attempt);
    this.#committed(row);
    return toClaimedAttempt(row, { args: row.args, queueDeadlineMs: row.deadline_before_ms });
  }

  #committed(row: JobRow | undefined): void {
    if (row !== undefined) this.#options.changes.committed(row);
  }
}

/** Reduces the shares so that no owner has more than `perOwner` running jobs. */
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
