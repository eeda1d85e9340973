import type { DatabaseSync } from "node:sqlite";
import { jobErrorOf } from "../../../jobs/job-error.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import { transitionSql } from "../../transition-sql.ts";

/** The two halves of {@link prepareExpireQueued}. */
export interface ExpireQueued {
  /** True if the queue time-out of a queued job has passed. A cheap read. */
  due(nowMs: number): boolean;
  /** Fails up to `limit` such jobs with QUEUE_TIMEOUT. */
  expire(limit: number, nowMs: number): readonly JobRow[];
}

/** Prepares the expiry of jobs whose queue time-out has passed before their first attempt. */
export function prepareExpireQueued(db: DatabaseSync): ExpireQueued {
  const overdue = db.prepare(
    "SELECT job_id AS jobId FROM job WHERE state = 'QUEUED' AND queue_deadline_ms <= ? ORDER BY queue_deadline_ms LIMIT ?",
  );
  const expire = db.prepare(transitionSql("expire", { set: ["queue_deadline_ms = NULL", "error = :error"] }));
  const deleteArgs = db.prepare("DELETE FROM job_args WHERE seq = ?");

  return {
    due: (nowMs) => overdue.get(nowMs, 1) !== undefined,
    expire(limit, nowMs) {
      const error = JSON.stringify(jobErrorOf("QUEUE_TIMEOUT"));
      return overdue.all(nowMs, limit).map((job) => {
        const row = expire.get({ jobId: String(job.jobId), now: nowMs, error }) as unknown as JobRow;
        deleteArgs.run(row.seq);
        return row;
      });
    },
  };
}
