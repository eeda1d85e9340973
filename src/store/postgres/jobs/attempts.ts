import { ATTEMPTS_KEPT_MAX, type AttemptRow } from "../../../jobs/attempt-record.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

/**
 * Parts of a statement whose `ended` returns the row of a job: they insert its attempt, and delete the oldest one above
 * the limit. The parameters are those of {@link keptValues}.
 */
export const KEEP_ATTEMPT = `, attempt_kept AS (
    INSERT INTO job_attempt (seq, attempt, instance_id, started_at_ms, ended_at_ms, outcome, reason, message)
    SELECT seq, attempt, :keptInstance::text, :keptStart::bigint, :keptEnd::bigint, :keptOutcome::text,
      :keptReason::text, :keptMessage::text
    FROM ended
  ), attempts_gone AS (
    DELETE FROM job_attempt USING ended
    WHERE job_attempt.seq = ended.seq AND job_attempt.attempt <= ended.attempt - ${ATTEMPTS_KEPT_MAX}
  )`;

/** The values of the parameters of {@link KEEP_ATTEMPT}. */
export function keptValues(row: AttemptRow) {
  return {
    keptInstance: row.instance_id,
    keptStart: row.started_at_ms,
    keptEnd: row.ended_at_ms,
    keptOutcome: row.outcome,
    keptReason: row.reason,
    keptMessage: row.message,
  };
}

const READ = sql(`
  SELECT attempt, instance_id, started_at_ms, ended_at_ms, outcome, reason, message FROM job_attempt
  WHERE seq = :seq AND attempt <= :upTo ORDER BY attempt DESC LIMIT :limit`);

/** Reads the attempts of a job with a number up to `upTo`, newest first. */
export function readAttemptRows(
  queries: Queries,
  values: { readonly seq: number; readonly upTo: number; readonly limit: number },
): Promise<AttemptRow[]> {
  return queries.all<AttemptRow>(READ, { ...values });
}
