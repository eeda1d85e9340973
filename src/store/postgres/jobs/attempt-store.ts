import type { Lane, Lanes } from "../../../jobs/fair-queue.ts";
import type { JobProgress } from "../../../jobs/job.ts";
import type { JobChanges } from "../../../jobs/job-changes.ts";
import { jobErrorOf } from "../../../jobs/job-error.ts";
import { type JobRow, toClaimedAttempt } from "../../../jobs/job-row.ts";
import type {
  AttemptKey,
  Claim,
  ClaimedAttempt,
  ClaimRequest,
  Outcome,
  Review,
  RunLedger,
  RunListener,
} from "../../../jobs/worker/attempt-store.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { lockOwners } from "../advisory-locks.ts";
import type { Database } from "../database.ts";
import type { Queries } from "../queries.ts";
import { type ClaimedRow, claimJobs, countRunning, type LaneShare, readLanes, readNextDue } from "./claim-jobs.ts";
import { findLostAttempts, findOwnAttempts, recordProgress, reviewAttempts } from "./run-attempts.ts";
import { settle, succeed } from "./settle-job.ts";

const LANES_RELOAD_MS = 5_000;
const LOST_SLICE = 100;

/** What the ledger of a shared store works with. */
export interface PostgresLedgerOptions {
  readonly database: Database;
  readonly instanceId: string;
  /** Of the locks that a cap of one owner's running jobs is counted under. */
  readonly capLockSpace: number;
  readonly lanes: Lanes;
  readonly changes: JobChanges;
  readonly clock: Clock;
}

/** What one claim has found out so far. */
interface Round {
  /** The lanes that gave all they had for now. */
  readonly exhausted: Set<Lane>;
  readonly nowMs: number;
}

/** The {@link RunLedger} of a shared store. */
export class PostgresRunLedger implements RunLedger {
  readonly #options: PostgresLedgerOptions;
  /** The attempts that this process runs: what else the database holds for its own is lost. */
  readonly #live = new Map<string, number>();
  #claims = 0;
  #claimsUnderWay = 0;
  /** When the lanes are to be read from the database again, monotonic milliseconds. */
  #lanesReloadMs = Number.NEGATIVE_INFINITY;

  constructor(options: PostgresLedgerOptions) {
    this.#options = options;
  }

  async claim(request: ClaimRequest): Promise<Claim> {
    await this.#reloadLanesIfDue();
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
    // Lanes that gave less than was asked of them: what is left in them is not due, another worker's or above a cap.
    const exhausted = new Set<Lane>();
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

  /** Deals the free places out to the lanes in turn, those of the highest priority first. */
  #share({ handles }: ClaimRequest, { left, exhausted, nowMs }: Round & { readonly left: number }): LaneShare[] {
    const { lanes } = this.#options;
    for (const priority of lanes.priorities()) {
      const due = [...lanes.inTurn(priority)].filter(
        (lane) => handles(lane.tool) && lane.dueAtMs <= nowMs && !exhausted.has(lane),
      );
      const takers = due.slice(0, left);
      for (const lane of takers) lanes.moveToEnd(lane);
      const each = Math.floor(left / takers.length);
      if (takers.length > 0)
        return takers.map((lane, index) => ({ lane, places: each + (index < left % takers.length ? 1 : 0) }));
    }
    return [];
  }

  async #claimShares(shares: readonly LaneShare[], perOwner: number | undefined, nowMs: number): Promise<ClaimedRow[]> {
    const { database, instanceId, capLockSpace } = this.#options;
    const claim = (queries: Queries, open: readonly LaneShare[]) => claimJobs(queries, open, { instanceId, nowMs });
    if (perOwner === undefined) return claim(database, shares);
    return database.transaction(async (queries) => {
      const owners = shares.map(({ lane }) => lane.owner);
      await lockOwners(queries, capLockSpace, owners);
      return claim(queries, underCap(shares, await countRunning(queries, owners), perOwner));
    });
  }

  /** Looks when the next job is due in the lanes that gave less than was asked of them. */
  async #noteYield(
    shares: readonly LaneShare[],
    rows: readonly ClaimedRow[],
    { exhausted, nowMs }: Round,
  ): Promise<void> {
    const short = shares
      .filter(({ lane, places }) => rows.filter((row) => isOf(row, lane)).length < places)
      .map(({ lane }) => lane);
    if (short.length === 0) return;
    for (const lane of short) exhausted.add(lane);
    const { lanes } = this.#options;
    const before = short.map((lane) => lanes.additionsTo(lane));
    const dueAtMs = await readNextDue(this.#options.database, short, nowMs);
    short.forEach((lane, index) => {
      const due = dueAtMs[index];
      // A job that was queued meanwhile may not be in what was read.
      if (lanes.additionsTo(lane) !== before[index]) return;
      if (due === undefined) lanes.remove(lane);
      else lane.dueAtMs = due;
    });
  }

  #nextDueMs({ handles }: ClaimRequest, { exhausted, nowMs }: Round): number | undefined {
    const { lanes } = this.#options;
    let nextDueMs = Number.POSITIVE_INFINITY;
    for (const priority of lanes.priorities()) {
      for (const lane of lanes.inTurn(priority)) {
        const waits = exhausted.has(lane) && lane.dueAtMs <= nowMs;
        if (handles(lane.tool) && !waits) nextDueMs = Math.min(nextDueMs, lane.dueAtMs);
      }
    }
    return Number.isFinite(nextDueMs) ? nextDueMs : undefined;
  }

  /** Other processes queue jobs, too, and a hint of theirs may be lost. */
  async #reloadLanesIfDue(): Promise<void> {
    const { database, lanes, clock } = this.#options;
    if (clock.monotonicMs() < this.#lanesReloadMs) return;
    this.#lanesReloadMs = clock.monotonicMs() + LANES_RELOAD_MS;
    try {
      // Added, not put in the place of those known: a job that was queued meanwhile may not be among what was read. A lane
      // that is empty goes with the claim that finds it so.
      for (const lane of await readLanes(database, clock.nowMs())) lanes.add(lane);
    } catch (error) {
      this.#lanesReloadMs = Number.NEGATIVE_INFINITY;
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
  shares: readonly LaneShare[],
  running: ReadonlyMap<string, number>,
  perOwner: number,
): readonly LaneShare[] {
  const taken = new Map(running);
  return shares.map(({ lane, places }) => {
    const before = taken.get(lane.owner) ?? 0;
    const allowed = Math.max(0, Math.min(places, perOwner - before));
    taken.set(lane.owner, before + allowed);
    return { lane, places: allowed };
  });
}

function isOf(row: JobRow, lane: Lane): boolean {
  return row.priority === lane.priority && row.tool === lane.tool && row.owner === lane.owner;
}
