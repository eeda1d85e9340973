import { jobErrorOf } from "../job-error.ts";
import type { JobRow } from "../job-row.ts";
import { ENDED_AT } from "../transition-sql.ts";
import { TRANSITIONS } from "../transitions.ts";
import type { Queries } from "./database.ts";
import { sql } from "./statement.ts";

const { from, to } = TRANSITIONS.expire;
const EXPIRE = sql(`
  WITH overdue AS MATERIALIZED (
    SELECT seq FROM job WHERE state = '${from}' AND queue_deadline_ms <= :now
    ORDER BY queue_deadline_ms LIMIT :limit FOR UPDATE SKIP LOCKED
  ), ended AS (
    UPDATE job SET state = '${to}', revision = revision + 1, queue_deadline_ms = NULL, error = :error,
      ended_at_ms = ${ENDED_AT}, expires_at_ms = :now + retention_ms
    FROM overdue WHERE job.seq = overdue.seq RETURNING job.*
  ), gone AS (
    DELETE FROM job_args USING ended WHERE job_args.seq = ended.seq
  )
  SELECT * FROM ended`);

/** Removes up to `:limit` expired rows; what another process is removing is left to it. */
const sweep = (table: string, key: string) =>
  sql(`
  WITH expired AS MATERIALIZED (
    SELECT ${key} FROM ${table} WHERE expires_at_ms <= :now ORDER BY expires_at_ms LIMIT :limit FOR UPDATE SKIP LOCKED
  ), removed AS (
    DELETE FROM ${table} USING expired WHERE (${key.split(", ").map((name) => `${table}.${name}`)}) = (${key
      .split(", ")
      .map((name) => `expired.${name}`)}) RETURNING 1
  )
  SELECT count(*) AS rows FROM removed`);
const SWEEP_JOBS = sweep("job", "seq");
const SWEEP_INTENTS = sweep("intent", "client_id, request_id");

/** Fails up to `limit` queued jobs that waited too long for their first attempt, with QUEUE_TIMEOUT. */
export function expireQueued(queries: Queries, limit: number, nowMs: number): Promise<JobRow[]> {
  return queries.all<JobRow>(EXPIRE, { limit, now: nowMs, error: JSON.stringify(jobErrorOf("QUEUE_TIMEOUT")) });
}

/** Removes up to `limit` ended jobs past their retention, with their results; returns how many went. */
export function sweepJobs(queries: Queries, limit: number, nowMs: number): Promise<number> {
  return removed(queries.all(SWEEP_JOBS, { limit, now: nowMs }));
}

/** Removes up to `limit` sync intents that need not be remembered longer; returns how many went. */
export function sweepIntents(queries: Queries, limit: number, nowMs: number): Promise<number> {
  return removed(queries.all(SWEEP_INTENTS, { limit, now: nowMs }));
}

async function removed(rows: Promise<{ rows: number }[]>): Promise<number> {
  return (await rows)[0]?.rows ?? 0;
}
