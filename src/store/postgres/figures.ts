import type { JobStats } from "../../jobs/engine.ts";
import type { JobState } from "../../jobs/job.ts";
import { TRANSITIONS } from "../../jobs/transitions.ts";
import type { Queries } from "./queries.ts";
import { type Statement, sql, sqlPlannedAnew } from "./statement.ts";

/*
 * Statistics at a bounded cost. All rows of a small table are counted. For a large table, a random sample of its pages
 * is extrapolated.
 */

/** Maximum size of the part of a table that is read, in bytes. */
const READ_BYTES = 8 * 1024 * 1024;
/** Open jobs are counted up to this number and estimated above. */
export const OPEN_MOST = 20_000;
/** Maximum number of queues that are searched for the oldest job. */
const QUEUES_MOST = 10_000;

const JOB_BYTES = sql("SELECT pg_relation_size('job') AS bytes");
const JOBS = sql("SELECT state, count(*) AS rows FROM job GROUP BY state");
const SOME_JOBS = sqlPlannedAnew(
  "SELECT state, count(*) AS rows FROM job TABLESAMPLE SYSTEM (:percent::real) GROUP BY state",
);
/** Ordered like a partial index, so that PostgreSQL uses it for any row estimate. */
const openJobs = (state: JobState, order: string) =>
  sqlPlannedAnew(
    `SELECT count(*) AS rows FROM (SELECT FROM job WHERE state = '${state}' ORDER BY ${order} LIMIT ${OPEN_MOST}) AS picked`,
  );
const QUEUED = openJobs("QUEUED", "priority, tool, owner, run_at_ms, seq");
const RUNNING = openJobs("RUNNING", "owner");
/** One index seek per queue, independent of its length. */
const OLDEST = sql(`
  WITH RECURSIVE queue AS (
    (SELECT priority, tool, owner, run_at_ms FROM job WHERE state = '${TRANSITIONS.claim.from}'
     ORDER BY priority, tool, owner, run_at_ms LIMIT 1)
    UNION ALL
    SELECT next.* FROM queue CROSS JOIN LATERAL (
      SELECT priority, tool, owner, run_at_ms FROM job
      WHERE state = '${TRANSITIONS.claim.from}' AND (priority, tool, owner) > (queue.priority, queue.tool, queue.owner)
      ORDER BY priority, tool, owner, run_at_ms LIMIT 1
    ) AS next
  )
  SELECT min(run_at_ms) AS due_at_ms FROM (SELECT run_at_ms FROM queue LIMIT ${QUEUES_MOST}) AS picked`);

const NONCE_BYTES = sql(
  "SELECT sum(pg_relation_size(relid))::bigint AS bytes FROM pg_partition_tree('nonce') WHERE isleaf",
);
const NONCES = sql("SELECT count(*) AS rows FROM nonce");
const SOME_NONCES = sqlPlannedAnew("SELECT count(*) AS rows FROM nonce TABLESAMPLE SYSTEM (:percent::real)");

interface Counted {
  readonly rows: number;
}

/** Statistics of the jobs. Open jobs are counted up to 20,000; ended jobs are estimated if the table is large. */
export async function readJobStats(queries: Queries, nowMs: number): Promise<JobStats> {
  const byState = { QUEUED: 0, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 };
  const { rows, isSample } = await countOrSample<Counted & { state: JobState }>(queries, JOB_BYTES, JOBS, SOME_JOBS);
  for (const { state, rows: jobs } of rows) byState[state] = jobs;
  if (isSample) {
    byState.QUEUED = await countOpen(queries, QUEUED, byState.QUEUED);
    byState.RUNNING = await countOpen(queries, RUNNING, byState.RUNNING);
  }
  const [oldest] = await queries.all<{ due_at_ms: number | null }>(OLDEST);
  return { byState, oldestQueuedMs: Math.max(0, nowMs - (oldest?.due_at_ms ?? nowMs)) };
}

/** The number of nonces, estimated if it is large. */
export async function readNonceCount(queries: Queries): Promise<number> {
  const { rows } = await countOrSample<Counted>(queries, NONCE_BYTES, NONCES, SOME_NONCES);
  return rows[0]?.rows ?? 0;
}

async function countOpen(queries: Queries, statement: Statement, estimate: number): Promise<number> {
  const [counted] = await queries.all<Counted>(statement);
  const rows = counted?.rows ?? 0;
  return rows < OPEN_MOST ? rows : Math.max(rows, estimate);
}

/** The groups that `all` counts; for a large table estimated by `some`, whose parameter is the `:percent` to read. */
export async function countOrSample<Row extends Counted>(
  queries: Queries,
  size: Statement,
  all: Statement,
  some: Statement,
): Promise<{ readonly rows: readonly Row[]; readonly isSample: boolean }> {
  const [measured] = await queries.all<{ bytes: number }>(size);
  const share = READ_BYTES / (measured?.bytes ?? 0);
  if (share >= 1) return { rows: await queries.all<Row>(all), isSample: false };
  const rows = await queries.all<Row>(some, { percent: 100 * share });
  return { rows: rows.map((row) => ({ ...row, rows: Math.round(row.rows / share) })), isSample: true };
}
