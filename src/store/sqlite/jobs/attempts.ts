import type { DatabaseSync } from "node:sqlite";
import { ATTEMPTS_KEPT_MAX, type AttemptRow } from "../../../jobs/attempt-record.ts";
import { NamedStatement } from "../named-statement.ts";

/** Prepares the insertion of an attempt that returned its job to the queue. It deletes the oldest one above the limit. */
export function prepareKeepAttempt(db: DatabaseSync): (seq: number, attempt: AttemptRow) => void {
  const insert = new NamedStatement(
    db,
    `INSERT INTO job_attempt (seq, attempt, instance_id, started_at_ms, ended_at_ms, outcome, reason, message)
    VALUES (:seq, :attempt, :instance_id, :started_at_ms, :ended_at_ms, :outcome, :reason, :message)`,
  );
  const remove = db.prepare("DELETE FROM job_attempt WHERE seq = ? AND attempt <= ?");
  return (seq, attempt) => {
    insert.insert({ seq, ...attempt });
    const outdated = attempt.attempt - ATTEMPTS_KEPT_MAX;
    if (outdated > 0) remove.run(seq, outdated);
  };
}

/** Prepares the read of a job's attempts with a number up to `upTo`, newest first. */
export function prepareReadAttempts(
  db: DatabaseSync,
): (seq: number, upTo: number, limit: number) => readonly AttemptRow[] {
  const read = db.prepare(`
    SELECT attempt, instance_id, started_at_ms, ended_at_ms, outcome, reason, message FROM job_attempt
    WHERE seq = ? AND attempt <= ? ORDER BY attempt DESC LIMIT ?`);
  return (seq, upTo, limit) => read.all(seq, upTo, limit) as unknown as AttemptRow[];
}
