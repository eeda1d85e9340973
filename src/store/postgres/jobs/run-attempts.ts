import type { JobProgress } from "../../../jobs/job.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { AttemptKey, Review } from "../../../jobs/worker/attempt-store.ts";
import { transitionSql } from "../../transition-sql.ts";
import { type Instance, instanceLives } from "../instance.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

const RECORD_PROGRESS = sql(
  transitionSql("recordProgress", {
    set: ["progress_completed = :completed", "progress_total = :total", "progress_message = :message"],
    where: ["attempt = :attempt"],
  }),
);
const REVIEW = sql(`
  SELECT wanted.job_id, known.cancel_requested
  FROM unnest(:jobIds::text[], :attempts::integer[]) AS wanted (job_id, attempt) LEFT JOIN LATERAL (
    SELECT cancel_requested FROM job
    WHERE job.job_id = wanted.job_id AND job.attempt = wanted.attempt AND state = 'RUNNING' LIMIT 1) AS known ON true
  WHERE known.cancel_requested IS DISTINCT FROM false`);
const LOST = sql(`
  SELECT job_id, attempt FROM job
  WHERE state = 'RUNNING' AND instance_id <> :instanceId AND NOT ${instanceLives("job")} LIMIT :limit`);
const OWN = sql("SELECT job_id, attempt FROM job WHERE state = 'RUNNING' AND instance_id = :instanceId");

/** Records progress. Returns no row if the attempt is not the running one. */
export async function recordProgress(
  queries: Queries,
  attempt: AttemptKey,
  { completed, total, message }: JobProgress,
): Promise<JobRow | undefined> {
  const values = { jobId: attempt.jobId, attempt: attempt.attempt, completed, total, message };
  const [row] = await queries.all<JobRow>(RECORD_PROGRESS, values);
  return row;
}

/** Returns which of the attempts must stop. */
export async function reviewAttempts(queries: Queries, running: readonly AttemptKey[]): Promise<Review> {
  const stopped = await queries.all<{ job_id: string; cancel_requested: boolean | null }>(REVIEW, {
    jobIds: running.map(({ jobId }) => jobId),
    attempts: running.map(({ attempt }) => attempt),
  });
  return {
    cancelRequested: stopped.filter((row) => row.cancel_requested !== null).map((row) => row.job_id),
    replaced: stopped.filter((row) => row.cancel_requested === null).map((row) => row.job_id),
  };
}

/** Finds running attempts of other processes that are dead. */
export async function findLostAttempts(
  queries: Queries,
  { id: instanceId, steadyUntilMs }: Pick<Instance, "id" | "steadyUntilMs">,
  limit: number,
): Promise<readonly AttemptKey[]> {
  return (await queries.all<AttemptRow>(LOST, { instanceId, steadyUntilMs, limit })).map(toKey);
}

/** Finds running attempts that the given process has claimed. */
export async function findOwnAttempts(queries: Queries, instanceId: string): Promise<readonly AttemptKey[]> {
  return (await queries.all<AttemptRow>(OWN, { instanceId })).map(toKey);
}

interface AttemptRow {
  readonly job_id: string;
  readonly attempt: number;
}

function toKey({ job_id: jobId, attempt }: AttemptRow): AttemptKey {
  return { jobId, attempt };
}
