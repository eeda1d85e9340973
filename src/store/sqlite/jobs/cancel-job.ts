import type { DatabaseSync } from "node:sqlite";
import { jobErrorOf } from "../../../jobs/job-error.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Cancelled } from "../../../jobs/job-storage.ts";
import { transitionSql } from "../../transition-sql.ts";

/** Prepares the cancellation of an owner's job. It returns `undefined` for a missing job or a job of another owner. */
export function prepareCancel(
  db: DatabaseSync,
): (owner: string, jobId: string, nowMs: number) => Cancelled | undefined {
  const find = db.prepare("SELECT * FROM job WHERE job_id = ? AND owner = ?");
  const cancelQueued = db.prepare(
    transitionSql("cancelQueued", { set: ["cancel_requested = TRUE", "error = :error"] }),
  );
  const requestCancel = db.prepare(
    transitionSql("requestCancel", { set: ["cancel_requested = TRUE"], where: ["NOT cancel_requested"] }),
  );
  const deleteArgs = db.prepare("DELETE FROM job_args WHERE seq = ?");

  return (owner, jobId, nowMs) => {
    const found = find.get(jobId, owner) as unknown as JobRow | undefined;
    if (found === undefined) return undefined;
    const error = JSON.stringify(jobErrorOf("CANCELLED"));
    const cancelled = cancelQueued.get({ jobId, now: nowMs, error }) as unknown as JobRow | undefined;
    if (cancelled !== undefined) deleteArgs.run(cancelled.seq);
    const row = cancelled ?? (requestCancel.get({ jobId }) as unknown as JobRow | undefined);
    return row === undefined ? { row: found, changed: false } : { row, changed: true };
  };
}
