import type { DatabaseSync } from "node:sqlite";
import type { FairQueue, TenantQueue } from "../../../jobs/fair-queue.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { ClaimRequest } from "../../../jobs/worker/attempt-store.ts";
import { CLAIM_SET, DUE_AT, RUN_BY } from "../../transition-sql.ts";
import { NamedStatement } from "../named-statement.ts";
import type { JobCounts } from "./job-counts.ts";
import type { RecentJobs } from "./recent-jobs.ts";
import { prepareTransition } from "./transition.ts";

/** A claimed job with its arguments. */
export interface ClaimedRow {
  readonly row: JobRow;
  readonly args: Uint8Array;
  /** The end of the queue time-out before the claim, Unix milliseconds. */
  readonly queueDeadlineMs: number | null;
}

/** The result of the operation of {@link prepareClaim}. */
export interface ClaimedRows {
  readonly claimed: readonly ClaimedRow[];
  /** Due time of the next job, Unix milliseconds. */
  readonly nextDueMs: number | undefined;
}

/** Dependencies of {@link prepareClaim}. */
export interface ClaimContext {
  readonly db: DatabaseSync;
  readonly instanceId: string;
  readonly counts: JobCounts;
  readonly fairQueue: FairQueue;
  readonly changes: RecentJobs;
}

/**
 * Prepares the claim. It takes the oldest due job of each queue, round-robin, until the request is filled. If its
 * transaction fails, the queues must be reloaded.
 */
export function prepareClaim({
  db,
  instanceId,
  counts,
  fairQueue,
  changes,
}: ClaimContext): (request: ClaimRequest, nowMs: number) => ClaimedRows {
  const first = new NamedStatement(
    db,
    `SELECT job_id AS jobId, ${DUE_AT} AS dueAtMs, queue_deadline_ms AS queueDeadlineMs FROM job
    WHERE state = 'QUEUED' AND priority = :priority AND tool = :tool AND owner = :owner AND (queue_deadline_ms IS NULL OR queue_deadline_ms > :now)
    ORDER BY run_at_ms, seq LIMIT 1`,
  );
  const argsOf = db.prepare("SELECT args FROM job_args WHERE seq = ?");
  const claim = prepareTransition(db, counts, "claim", { set: [...CLAIM_SET, RUN_BY] });

  return ({ handles, count, perOwner }, nowMs) => {
    const claimed: ClaimedRow[] = [];
    let nextDueMs = Number.POSITIVE_INFINITY;

    const isFull = (owner: string): boolean => perOwner !== undefined && counts.of(owner, "RUNNING") >= perOwner;

    const takeFrom = (queue: TenantQueue): boolean => {
      if (!handles(queue.tool) || isFull(queue.owner)) return false;
      if (queue.dueAtMs <= nowMs) {
        const { priority, tool, owner } = queue;
        const job = first.get({ priority, tool, owner, now: nowMs });
        if (job === undefined) {
          fairQueue.remove(queue);
          return false;
        }
        queue.dueAtMs = Number(job.dueAtMs);
        if (queue.dueAtMs <= nowMs) {
          const row = claim(changes.find(String(job.jobId)) as JobRow, { now: nowMs, instanceId }) as JobRow;
          const args = argsOf.get(row.seq)?.args as Uint8Array;
          claimed.push({ row, args, queueDeadlineMs: job.queueDeadlineMs as number | null });
          fairQueue.moveToEnd(queue);
          return true;
        }
      }
      nextDueMs = Math.min(nextDueMs, queue.dueAtMs);
      return false;
    };

    for (const priority of fairQueue.priorities()) {
      for (let progressed = true; progressed; ) {
        progressed = false;
        for (const queue of fairQueue.inTurn(priority)) {
          if (claimed.length === count) break;
          if (takeFrom(queue)) progressed = true;
        }
      }
    }
    return { claimed, nextDueMs: Number.isFinite(nextDueMs) ? nextDueMs : undefined };
  };
}
