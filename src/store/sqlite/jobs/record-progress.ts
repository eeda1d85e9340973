import type { DatabaseSync } from "node:sqlite";
import type { JobProgress } from "../../../jobs/job.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { AttemptKey } from "../../../jobs/worker/attempt-store.ts";
import { transitionSql } from "../../transition-sql.ts";

/** Prepares the update of an attempt's progress. It returns `undefined` if the attempt is not the running one. */
export function prepareRecordProgress(
  db: DatabaseSync,
): (attempt: AttemptKey, progress: JobProgress) => JobRow | undefined {
  const record = db.prepare(
    transitionSql("recordProgress", {
      set: ["progress_completed = :completed", "progress_total = :total", "progress_message = :message"],
      where: ["attempt = :attempt"],
    }),
  );
  return ({ jobId, attempt }, { completed, total, message }) =>
    record.get({ jobId, attempt, completed, total, message }) as unknown as JobRow | undefined;
}
