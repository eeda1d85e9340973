import { jobErrorOf, writeJobError } from "../../../jobs/job-error.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import { TRANSITIONS } from "../../../jobs/transitions.ts";
import { ENDED_AT, EXPIRES_AT } from "../../transition-sql.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

/** A time has passed if it has by both clocks: that of this process may be ahead by days. */
const NOW_BY_BOTH = "least(:now::bigint, (SELECT store_now_ms()))";

const { from, to } = TRANSITIONS.expire;
const EXPIRE = sql(`
  WITH overdue AS MATERIALIZED (
    SELECT seq FROM job WHERE state = '${from}' AND queue_deadline_ms <= ${NOW_BY_BOTH}
    ORDER BY queue_deadline_ms LIMIT :limit FOR UPDATE SKIP LOCKED
  ), ended AS (
    UPDATE job SET state = '${to}', revision = revision + 1, queue_deadline_ms = NULL, error = :error,
      ended_at_ms = ${ENDED_AT}, expires_at_ms = ${EXPIRES_AT}
    WHERE seq = ANY (ARRAY(SELECT seq FROM overdue)) RETURNING *
  ), gone AS (
    DELETE FROM job_args USING ended WHERE job_args.seq = ended.seq
  )
  SELECT * FROM ended`);

/** Deletes up to `:limit` expired rows. Skips rows that another process is deleting. */
const sweep = (table: string) =>
  sql(`
  WITH expired AS MATERIALIZED (
    SELECT ctid FROM ${table} WHERE expires_at_ms <= ${NOW_BY_BOTH} ORDER BY expires_at_ms LIMIT :limit FOR UPDATE SKIP LOCKED
  ), removed AS (
    DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM expired)) RETURNING 1
  )
  SELECT count(*) AS rows FROM removed`);
const SWEEP_JOBS = sweep("job");
const SWEEP_INTENTS = sweep("intent");

/** Fails up to `limit` queued jobs with QUEUE_TIMEOUT whose queue time-out has passed before their first attempt. */
export function expireQueued(queries: Queries, limit: number, nowMs: number): Promise<JobRow[]> {
  return queries.all<JobRow>(EXPIRE, { limit, now: nowMs, error: writeJobError(jobErrorOf("QUEUE_TIMEOUT")) });
}

/** Deletes up to `limit` expired jobs with their results. Returns the number of deleted jobs. */
export function sweepJobs(queries: Queries, limit: number, nowMs: number): Promise<number> {
  return removed(queries.all(SWEEP_JOBS, { limit, now: nowMs }));
}

/** Deletes up to `limit` expired sync intents. Returns the number of deleted intents. */
export function sweepIntents(queries: Queries, limit: number, nowMs: number): Promise<number> {
  return removed(queries.all(SWEEP_INTENTS, { limit, now: nowMs }));
}

async function removed(rows: Promise<{ rows: number }[]>): Promise<number> {
  return (await rows)[0]?.rows ?? 0;
}
