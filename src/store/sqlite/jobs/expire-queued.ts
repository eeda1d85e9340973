import type { DatabaseSync } from "node:sqlite";
import { jobErrorOf, writeJobError } from "../../../jobs/job-error.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import { JOB_COLUMNS } from "./job-columns.ts";
import type { JobCounts } from "./job-counts.ts";
import { prepareTransition } from "./transition.ts";

/** The two halves of {@link prepareExpireQueued}. */
export interface ExpireQueued {
  /** True if the queue time-out of a queued job has passed. A cheap read. */
  due(nowMs: number): boolean;
  /** Fails up to `limit` such jobs with QUEUE_TIMEOUT. */
  expire(limit: number, nowMs: number): readonly JobRow[];
}

/** Prepares the end of jobs that waited too long for their first attempt. */
export function prepareExpireQueued(db: DatabaseSync, counts: JobCounts): ExpireQueued {
  const isDue = db.prepare("SELECT 1 FROM job WHERE state = 'QUEUED' AND queue_deadline_ms <= ? LIMIT 1");
  const overdue = db.prepare(
    `SELECT ${JOB_COLUMNS} FROM job WHERE state = 'QUEUED' AND queue_deadline_ms <= ? ORDER BY queue_deadline_ms LIMIT ?`,
  );
  const expire = prepareTransition(db, counts, "expire", { set: ["queue_deadline_ms = NULL", "error = :error"] });
  const deleteArgs = db.prepare("DELETE FROM job_args WHERE seq = ?");

  return {
    due: (nowMs) => isDue.get(nowMs) !== undefined,
    expire(limit, nowMs) {
      const error = writeJobError(jobErrorOf("QUEUE_TIMEOUT"));
      return (overdue.all(nowMs, limit) as unknown as JobRow[]).map((job) => {
        const row = expire(job, { now: nowMs, error }) as JobRow;
        deleteArgs.run(row.seq);
        return row;
      });
    },
  };
}
