import type { JobState } from "../../../jobs/job.ts";
import { addToolCount, type ToolCounts, toToolStats } from "../../operator/tool-counts.ts";
import type { ToolStats } from "../../operator-view.ts";
import { countOrSample, OPEN_MOST } from "../figures.ts";
import type { Queries } from "../queries.ts";
import { sql, sqlPlannedAnew } from "../statement.ts";

interface ToolRow {
  readonly tool: string;
  readonly state: JobState;
  readonly rows: number;
}

const JOB_BYTES = sql("SELECT pg_relation_size('job') AS bytes");
const JOBS = sqlPlannedAnew("SELECT tool, state, count(*) AS rows FROM job GROUP BY tool, state");
const SOME_JOBS = sqlPlannedAnew(
  "SELECT tool, state, count(*) AS rows FROM job TABLESAMPLE SYSTEM (:percent::real) GROUP BY tool, state",
);
/** Ordered like a partial index, so that PostgreSQL uses it for any row estimate. */
const openJobs = (state: JobState, order: string) =>
  sqlPlannedAnew(`
  SELECT tool, '${state}' AS state, count(*) AS rows FROM (
    SELECT tool FROM job WHERE state = '${state}' ORDER BY ${order} LIMIT ${OPEN_MOST}
  ) AS picked GROUP BY tool`);
const OPEN = {
  QUEUED: openJobs("QUEUED", "priority, tool, owner, run_at_ms, seq"),
  RUNNING: openJobs("RUNNING", "owner"),
};

/**
 * Statistics of the jobs by tool. Up to 20,000 jobs of each open state are counted; in a large table the others are
 * estimated from a random sample of its pages, which may miss tools with few jobs.
 */
export async function readToolStats(queries: Queries): Promise<readonly ToolStats[]> {
  const counts: ToolCounts = new Map();
  const { rows, isSample } = await countOrSample<ToolRow>(queries, JOB_BYTES, JOBS, SOME_JOBS);
  for (const row of rows) addToolCount(counts, row, row.rows);
  if (isSample) for (const state of ["QUEUED", "RUNNING"] as const) await countOpen(queries, counts, state);
  return toToolStats(counts);
}

/** Replaces the estimates of an open state, unless there are more jobs than are counted. */
async function countOpen(queries: Queries, counts: ToolCounts, state: keyof typeof OPEN): Promise<void> {
  const rows = await queries.all<ToolRow>(OPEN[state]);
  if (rows.reduce((sum, row) => sum + row.rows, 0) >= OPEN_MOST) return;
  for (const byState of counts.values()) byState[state] = 0;
  for (const row of rows) addToolCount(counts, row, row.rows);
}
