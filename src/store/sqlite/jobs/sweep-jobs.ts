import type { DatabaseSync } from "node:sqlite";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { JobCounts } from "./job-counts.ts";
import type { RecentJobs } from "./recent-jobs.ts";

/** The two halves of a removal. */
export interface Sweep {
  /** True if there are expired rows. A cheap read. */
  due(nowMs: number): boolean;
  /** Deletes up to `limit` expired rows. Returns the number of deleted rows. */
  remove(limit: number, nowMs: number): number;
}

/** Prepares the removal of ended jobs past their retention, with their results. */
export function prepareJobSweep(db: DatabaseSync, counts: JobCounts, changes: RecentJobs): Sweep {
  const due = db.prepare("SELECT 1 FROM job WHERE expires_at_ms <= ? LIMIT 1");
  const remove = db.prepare(`
    DELETE FROM job WHERE seq IN (SELECT seq FROM job WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)
    RETURNING job_id, owner, state`);
  return {
    due: (nowMs) => due.get(nowMs) !== undefined,
    remove(limit, nowMs) {
      const removed = remove.all(nowMs, limit) as unknown as Pick<JobRow, "job_id" | "owner" | "state">[];
      for (const { job_id: jobId, owner, state } of removed) {
        counts.moved(owner, state, undefined);
        changes.forget(jobId);
      }
      return removed.length;
    },
  };
}

/** Prepares the deletion of expired sync intents. */
export function prepareIntentSweep(db: DatabaseSync): Sweep {
  const due = db.prepare("SELECT 1 FROM intent WHERE expires_at_ms <= ? LIMIT 1");
  const remove = db.prepare(
    "DELETE FROM intent WHERE rowid IN (SELECT rowid FROM intent WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)",
  );
  return {
    due: (nowMs) => due.get(nowMs) !== undefined,
    remove: (limit, nowMs) => Number(remove.run(nowMs, limit).changes),
  };
}
