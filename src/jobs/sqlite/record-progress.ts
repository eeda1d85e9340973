import type { DatabaseSync } from "node:sqlite";
import type { JobProgress } from "../job.ts";
import type { JobRow } from "../job-row.ts";
import { transitionSql } from "../transition-sql.ts";
import type { AttemptKey } from "../worker/run-ledger.ts";

/** Prepares the update of a running attempt's progress; `undefined` if the attempt is not the running one. */
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
