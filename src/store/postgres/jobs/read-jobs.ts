import type { JobRow } from "../../../jobs/job-row.ts";
import type { ListRange } from "../../../jobs/job-storage.ts";
import type { Queries } from "../queries.ts";
import { sql, sqlPlannedAnew } from "../statement.ts";

const FIND = sql("SELECT * FROM job WHERE job_id = ANY (:jobIds::text[])");
const RESULT = sql("SELECT result FROM job JOIN job_result USING (seq) WHERE job_id = :jobId AND owner = :owner");

/** One index range per state, merged by age, so that no filter reads rows that it does not list. */
const list = (filter: string) =>
  sqlPlannedAnew(`
  SELECT job.* FROM unnest(:states::text[]) AS wanted (state) CROSS JOIN LATERAL (
    SELECT * FROM job WHERE owner = :owner ${filter} AND state = wanted.state AND -seq > -(:below::bigint)
    ORDER BY -seq LIMIT :limit
  ) AS job ORDER BY -seq LIMIT :limit`);
const LIST = list("");
const LIST_OF_TOOL = list("AND tool = :tool");

/** Reads the existing jobs among these, in any order. */
export function findJobs(queries: Queries, jobIds: readonly string[]): Promise<JobRow[]> {
  return queries.all<JobRow>(FIND, { jobIds });
}

/** Reads the result of an owner's SUCCEEDED job. */
export async function readJobResult(queries: Queries, owner: string, jobId: string): Promise<Uint8Array | undefined> {
  const [row] = await queries.all<{ result: Uint8Array }>(RESULT, { owner, jobId });
  return row?.result;
}

/** Reads the jobs in a range of an owner's list. */
export function listJobs(queries: Queries, range: ListRange): Promise<JobRow[]> {
  return queries.all<JobRow>(range.tool === undefined ? LIST : LIST_OF_TOOL, { ...range });
}
