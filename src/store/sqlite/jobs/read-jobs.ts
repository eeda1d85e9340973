import type { DatabaseSync } from "node:sqlite";
import type { JobStats } from "../../../jobs/engine.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { AttemptKey } from "../../../jobs/worker/attempt-store.ts";
import { JOB_COLUMNS, toJobRow } from "./job-columns.ts";

/** Prepares the reading of a job's row. */
export function prepareFind(db: DatabaseSync): (jobId: string) => JobRow | undefined {
  const find = db.prepare(`SELECT ${JOB_COLUMNS} FROM job WHERE job_id = ?`);
  return (jobId) => {
    const read = find.get(jobId);
    return read === undefined ? undefined : toJobRow(read);
  };
}

/** Reads of results, running attempts and statistics. */
export interface JobReads {
  result(owner: string, jobId: string): Uint8Array | undefined;
  /** Every attempt that the database holds as running. Their number is limited by the workers' concurrency. */
  running(): readonly (AttemptKey & { readonly cancelRequested: boolean })[];
  stats(nowMs: number): JobStats;
}

/** Prepares the reads. */
export function prepareReads(db: DatabaseSync): JobReads {
  const result = db.prepare("SELECT result FROM job JOIN job_result USING (seq) WHERE job_id = ? AND owner = ?");
  const running = db.prepare(`
    SELECT job_id AS jobId, attempt, cancel_requested AS cancelRequested
    FROM job_count CROSS JOIN job USING (state, owner) WHERE state = 'RUNNING'`);
  const counts = db.prepare("SELECT state, sum(jobs) AS jobs FROM job_count GROUP BY state");
  const firstDue = db.prepare("SELECT min(run_at_ms) AS dueAtMs FROM job WHERE state = 'QUEUED'");

  return {
    result: (owner, jobId) => result.get(jobId, owner)?.result as Uint8Array | undefined,
    running: () =>
      running.all().map((row) => ({
        jobId: String(row.jobId),
        attempt: Number(row.attempt),
        cancelRequested: row.cancelRequested !== 0,
      })),
    stats(nowMs) {
      const byState = { QUEUED: 0, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 };
      for (const row of counts.all()) Object.assign(byState, { [String(row.state)]: Number(row.jobs) });
      const dueAtMs = firstDue.get()?.dueAtMs ?? nowMs;
      return { byState, oldestQueuedMs: Math.max(0, nowMs - Number(dueAtMs)) };
    },
  };
}
