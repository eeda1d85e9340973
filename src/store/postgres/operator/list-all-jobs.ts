import type { JobState } from "../../../jobs/job.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { JobRange } from "../../operator/operator-storage.ts";
import type { Queries } from "../queries.ts";
import { sql, sqlPlannedAnew } from "../statement.ts";

/** One index seek per owner, independent of the number of jobs. */
const owners = (where: string) =>
  sql(`
  WITH RECURSIVE known AS (
    (SELECT owner FROM job WHERE ${where} ORDER BY owner LIMIT 1)
    UNION ALL
    SELECT next.owner FROM known CROSS JOIN LATERAL (
      SELECT owner FROM job WHERE ${where} AND owner > known.owner ORDER BY owner LIMIT 1
    ) AS next
  )
  SELECT owner FROM known LIMIT :limit`);
const OWNERS = owners("true");
const OWNERS_OF_OPEN = owners("state IN ('QUEUED', 'RUNNING')");

const CREATED = "created_at_ms >= :sinceMs AND created_at_ms < :beforeMs";
/** One index range for each owner and state, merged by age. */
const ofOwners = (filter: string) =>
  sqlPlannedAnew(`
  SELECT job.* FROM unnest(:owners::text[]) AS known (owner) CROSS JOIN unnest(:states::text[]) AS wanted (state)
  CROSS JOIN LATERAL (
    SELECT * FROM job WHERE job.owner = known.owner ${filter} AND job.state = wanted.state
      AND -seq > -(:below::bigint) AND -seq <= -(:from::bigint) AND ${CREATED}
    ORDER BY -seq LIMIT :limit
  ) AS job ORDER BY -seq LIMIT :limit`);
const OF_OWNERS = ofOwners("");
const OF_OWNERS_AND_TOOL = ofOwners("AND job.tool = :tool");

/** Reads by the primary key, which has all jobs. */
const IN_RANGE = sqlPlannedAnew(`
  SELECT * FROM (
    SELECT * FROM job WHERE seq < :below AND seq >= :from ORDER BY seq DESC OFFSET 0
  ) AS job WHERE ${CREATED} AND state = ANY (:states::text[]) AND (:tool::text IS NULL OR tool = :tool)
  LIMIT :limit`);

const OPEN: readonly JobState[] = ["QUEUED", "RUNNING"];

/** Reads the owners with jobs in any of the states, perhaps more; `undefined` if there are more than `most`. */
export async function readOwners(
  queries: Queries,
  states: readonly JobState[],
  most: number,
): Promise<readonly string[] | undefined> {
  const statement = states.every((state) => OPEN.includes(state)) ? OWNERS_OF_OPEN : OWNERS;
  const rows = await queries.all<{ owner: string }>(statement, { limit: most + 1 });
  return rows.length > most ? undefined : rows.map(({ owner }) => owner);
}

/** Reads the jobs of these owners in a range, newest first. */
export function readJobsOf(queries: Queries, owners: readonly string[], range: JobRange): Promise<JobRow[]> {
  return queries.all<JobRow>(range.tool === undefined ? OF_OWNERS : OF_OWNERS_AND_TOOL, { ...range, owners });
}

/** Reads the jobs in a range, newest first. */
export function readJobsIn(queries: Queries, range: JobRange): Promise<JobRow[]> {
  return queries.all<JobRow>(IN_RANGE, { ...range, tool: range.tool ?? null });
}
