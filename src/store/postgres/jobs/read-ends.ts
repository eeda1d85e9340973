import type { JobRow } from "../../../jobs/job-row.ts";
import type { EndedRange, Ends } from "../../../jobs/job-storage.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

/**
 * Maximum time by which an end may precede an end that was committed earlier: the maximum clock difference between
 * processes plus the maximum duration of a transaction.
 */
const COMMIT_MARGIN_MS = 60_000;

const NEWEST = `
  SELECT greatest(0, coalesce(max(ended_at_ms), 0) - ${COMMIT_MARGIN_MS}) AS resume_ms
  FROM job WHERE owner = :owner AND ended_at_ms IS NOT NULL`;
const RESUME = sql(NEWEST);
const PAST = sql(`
  WITH newest AS (${NEWEST})
  SELECT newest.resume_ms, job.* FROM newest
  LEFT JOIN job ON owner = :owner AND ended_at_ms IS NOT NULL AND ended_at_ms >= newest.resume_ms`);
const ENDED = sql(`
  SELECT * FROM job WHERE owner = :owner AND ended_at_ms IS NOT NULL AND (ended_at_ms, seq) > (:sinceMs, :above)
  ORDER BY ended_at_ms, seq LIMIT :limit`);

/** Reads the ended jobs of an owner at one point in time. */
export async function readEnds(queries: Queries, owner: string, withPast: boolean): Promise<Ends> {
  type Row = { readonly resume_ms: number } & Partial<JobRow>;
  const rows = await queries.all<Row>(withPast ? PAST : RESUME, { owner });
  const past = rows.filter((row): row is Row & JobRow => row.job_id !== undefined && row.job_id !== null);
  return { resumeMs: rows[0]?.resume_ms ?? 0, past };
}

/** Reads the ended jobs in a range. */
export function readEnded(queries: Queries, range: EndedRange): Promise<JobRow[]> {
  return queries.all<JobRow>(ENDED, { ...range });
}
