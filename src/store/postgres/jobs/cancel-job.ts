import { jobErrorOf, writeJobError } from "../../../jobs/job-error.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Cancelled } from "../../../jobs/job-storage.ts";
import { transitionSql } from "../../transition-sql.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

const FIND = sql("SELECT * FROM job WHERE job_id = :jobId AND owner = :owner FOR UPDATE");
const CANCEL_QUEUED = sql(`
  WITH ended AS (${transitionSql("cancelQueued", { set: ["cancel_requested = TRUE", "error = :error"] })}),
    gone AS (DELETE FROM job_args USING ended WHERE job_args.seq = ended.seq)
  SELECT * FROM ended`);
const REQUEST_CANCEL = sql(
  transitionSql("requestCancel", { set: ["cancel_requested = TRUE"], where: ["NOT cancel_requested"] }),
);

/** Cancels an owner's job in a transaction. Returns `undefined` for a missing job or a job of another owner. */
export async function cancelJob(
  queries: Queries,
  { owner, jobId, nowMs }: { readonly owner: string; readonly jobId: string; readonly nowMs: number },
): Promise<Cancelled | undefined> {
  const [found] = await queries.all<JobRow>(FIND, { owner, jobId });
  if (found === undefined) return undefined;
  const values = { jobId, now: nowMs, error: writeJobError(jobErrorOf("CANCELLED")) };
  const [row] = await queries.all<JobRow>(found.state === "QUEUED" ? CANCEL_QUEUED : REQUEST_CANCEL, values);
  return row === undefined ? { row: found, changed: false } : { row, changed: true };
}
