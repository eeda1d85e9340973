import type { DatabaseSync } from "node:sqlite";
import { jobErrorOf, writeJobError } from "../../../jobs/job-error.ts";
import type { Cancelled } from "../../../jobs/job-storage.ts";
import type { JobCounts } from "./job-counts.ts";
import { prepareFind } from "./read-jobs.ts";
import { prepareTransition } from "./transition.ts";

/** Prepares the cancellation of an owner's job. It returns `undefined` for a missing job or a job of another owner. */
export function prepareCancel(
  db: DatabaseSync,
  counts: JobCounts,
): (owner: string, jobId: string, nowMs: number) => Cancelled | undefined {
  const find = prepareFind(db);
  const cancelQueued = prepareTransition(db, counts, "cancelQueued", {
    set: ["cancel_requested = TRUE", "error = :error"],
  });
  const requestCancel = prepareTransition(db, counts, "requestCancel", {
    set: ["cancel_requested = TRUE"],
    where: ["NOT cancel_requested"],
  });
  const deleteArgs = db.prepare("DELETE FROM job_args WHERE seq = ?");

  return (owner, jobId, nowMs) => {
    // Reads the database, not the last committed row, because the same transaction may have claimed the job.
    const found = find(jobId);
    if (found?.owner !== owner) return undefined;
    const error = writeJobError(jobErrorOf("CANCELLED"));
    const cancelled = cancelQueued(found, { now: nowMs, error });
    if (cancelled !== undefined) deleteArgs.run(cancelled.seq);
    const row = cancelled ?? requestCancel(found, {});
    return row === undefined ? { row: found, changed: false } : { row, changed: true };
  };
}
