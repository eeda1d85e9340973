import type { DatabaseSync } from "node:sqlite";
import type { JobProgress } from "../../../jobs/job.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { JobCounts } from "./job-counts.ts";
import { prepareTransition } from "./transition.ts";

/** The progress of an attempt. */
export interface ProgressReport {
  /** The job's row at any time since the attempt began. */
  readonly job: JobRow;
  readonly attempt: number;
  readonly progress: JobProgress;
}

/** Prepares the update of an attempt's progress. It returns `undefined` if the attempt is not the running one. */
export function prepareRecordProgress(
  db: DatabaseSync,
  counts: JobCounts,
): (report: ProgressReport) => JobRow | undefined {
  const record = prepareTransition(db, counts, "recordProgress", {
    set: ["progress_completed = :completed", "progress_total = :total", "progress_message = :message"],
    where: ["attempt = :attempt"],
  });
  return ({ job, attempt, progress: { completed, total, message } }) =>
    record(job, { attempt, completed, total, message });
}
