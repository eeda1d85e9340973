import { SealwireError } from "../../../errors.ts";
import type { SubmitSpec } from "../../../jobs/engine.ts";
import type { JobRow, RequestedRow } from "../../../jobs/job-row.ts";
import type { Submitted } from "../../../jobs/job-storage.ts";
import { quotaExceeded } from "../../../jobs/quota.ts";
import { INITIAL_STATE } from "../../../jobs/transitions.ts";
import { lockOwners } from "../advisory-locks.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

/** A job to be submitted with a new id. */
export interface Submission {
  readonly spec: SubmitSpec;
  readonly jobId: string;
}

const WANTED = "unnest(:owners::text[], :requestIds::text[]) AS wanted (owner, request_id)";
const KNOWN_JOBS = sql(`SELECT known.* FROM ${WANTED} CROSS JOIN LATERAL (
  SELECT * FROM job WHERE job.owner = wanted.owner AND job.request_id = wanted.request_id LIMIT 1) AS known`);
const KNOWN_INTENTS = sql(`SELECT wanted.owner, wanted.request_id FROM ${WANTED} CROSS JOIN LATERAL (
  SELECT FROM intent WHERE client_id = wanted.owner AND intent.request_id = wanted.request_id LIMIT 1) AS known`);
const OPEN_JOBS = sql(`
  SELECT wanted.owner, open.jobs FROM unnest(:owners::text[], :limits::bigint[]) AS wanted (owner, most)
  CROSS JOIN LATERAL (
    SELECT count(*) AS jobs FROM (
      SELECT FROM job WHERE job.owner = wanted.owner AND state IN ('QUEUED', 'RUNNING') LIMIT wanted.most
    ) AS counted
  ) AS open`);
const INSERT = sql(`
  WITH given AS (
    SELECT * FROM unnest(
      :jobIds::text[], :owners::text[], :requestIds::text[], :intentDigests::bytea[], :tools::text[],
      :traceparents::text[], :priorities::integer[], :maxAttempts::integer[], :executionTimeouts::bigint[],
      :heartbeatTimeouts::bigint[], :initialBackoffs::bigint[], :maxBackoffs::bigint[], :retentions::bigint[],
      :cancelGraces::bigint[], :queueTimeouts::bigint[], :args::bytea[]
    ) WITH ORDINALITY AS given (
      job_id, owner, request_id, intent_digest, tool, traceparent, priority, max_attempts, execution_timeout_ms,
      heartbeat_timeout_ms, initial_backoff_ms, max_backoff_ms, retention_ms, cancel_grace_ms, queue_timeout_ms, args, place
    )
  ), added AS (
    INSERT INTO job (
      job_id, owner, request_id, intent_digest, tool, traceparent, state, revision, attempt, failures, cancel_requested,
      priority, max_attempts, execution_timeout_ms, heartbeat_timeout_ms, initial_backoff_ms, max_backoff_ms, retention_ms,
      cancel_grace_ms, created_at_ms, run_at_ms, queue_deadline_ms
    )
    SELECT
      job_id, owner, request_id, intent_digest, tool, traceparent, '${INITIAL_STATE}', 1, 0, 0, FALSE,
      priority, max_attempts, execution_timeout_ms, heartbeat_timeout_ms, initial_backoff_ms, max_backoff_ms, retention_ms,
      cancel_grace_ms, :now, :now, :now + queue_timeout_ms
    FROM given ORDER BY place
    RETURNING *
  ), kept AS (
    INSERT INTO job_args SELECT added.seq, given.args FROM added JOIN given USING (job_id)
  )
  SELECT * FROM added`);

/**
 * Submits a group of jobs in a transaction. Returns the result of each, or its REQUEST_ID_REUSED or QUOTA_EXCEEDED
 * error. The owners are locked until the commit, so that no other process decides on the same request id or quota.
 */
export async function submitJobs(
  queries: Queries,
  submissions: readonly Submission[],
  { lockSpace, nowMs }: { readonly lockSpace: number; readonly nowMs: number },
): Promise<readonly (Submitted | Error)[]> {
  const specs = submissions.map(({ spec }) => spec);
  await lockOwners(
    queries,
    lockSpace,
    specs.map(({ owner }) => owner),
  );
  const known = await readKnown(queries, specs);
  const taken: Submission[] = [];
  const decided = submissions.map((submission) => {
    const verdict = known.decide(submission);
    if (verdict === submission.jobId) taken.push(submission);
    return verdict;
  });
  const added = taken.length === 0 ? [] : await insert(queries, taken, nowMs);
  const rows = new Map([...known.jobs, ...added].map((row) => [row.job_id, row]));
  return decided.map((verdict, index) => {
    if (typeof verdict !== "string") return verdict;
    return { row: rows.get(verdict) as JobRow, created: verdict === submissions[index]?.jobId };
  });
}

/** The existing use of a request id. */
interface Standing {
  readonly jobId: string;
  readonly intentDigest: Uint8Array;
}

interface Known {
  readonly jobs: readonly RequestedRow[];
  /** Returns the id of the submission's job, new or existing, or the error that refuses the submission. */
  decide(submission: Submission): string | Error;
}

async function readKnown(queries: Queries, specs: readonly SubmitSpec[]): Promise<Known> {
  const values = { owners: specs.map(({ owner }) => owner), requestIds: specs.map(({ requestId }) => requestId) };
  const limits = new Map<string, number>();
  for (const { owner, openJobsMax } of specs) limits.set(owner, Math.max(openJobsMax, limits.get(owner) ?? 0));
  const jobs = await queries.all<RequestedRow>(KNOWN_JOBS, values);
  const intents = await queries.all<{ owner: string; request_id: string }>(KNOWN_INTENTS, values);
  const open = await queries.all<{ owner: string; jobs: number }>(OPEN_JOBS, {
    owners: [...limits.keys()],
    limits: [...limits.values()],
  });
  const openJobs = new Map(open.map(({ owner, jobs }) => [owner, jobs]));
  const syncCalls = new Set(intents.map(({ owner, request_id }) => keyOf(owner, request_id)));
  const standing = new Map<string, Standing>(
    jobs.map((row) => [keyOf(row.owner, row.request_id), { jobId: row.job_id, intentDigest: row.intent_digest }]),
  );

  return {
    jobs,
    decide({ spec: { owner, requestId, intentDigest, openJobsMax }, jobId }) {
      const key = keyOf(owner, requestId);
      const there = standing.get(key);
      if (there !== undefined) {
        const same = Buffer.compare(there.intentDigest, intentDigest) === 0;
        return same ? there.jobId : new SealwireError("REQUEST_ID_REUSED");
      }
      if (syncCalls.has(key)) return new SealwireError("REQUEST_ID_REUSED");
      const count = openJobs.get(owner) ?? 0;
      if (count >= openJobsMax) return quotaExceeded(openJobsMax);
      openJobs.set(owner, count + 1);
      standing.set(key, { jobId, intentDigest });
      return jobId;
    },
  };
}

function insert(queries: Queries, submissions: readonly Submission[], nowMs: number): Promise<JobRow[]> {
  const each = <T>(value: (submission: Submission) => T) => submissions.map(value);
  return queries.all<JobRow>(INSERT, {
    now: nowMs,
    jobIds: each(({ jobId }) => jobId),
    owners: each(({ spec }) => spec.owner),
    requestIds: each(({ spec }) => spec.requestId),
    intentDigests: each(({ spec }) => Buffer.from(spec.intentDigest)),
    tools: each(({ spec }) => spec.tool),
    traceparents: each(({ spec }) => spec.traceparent ?? null),
    args: each(({ spec }) => Buffer.from(spec.args)),
    priorities: each(({ spec }) => spec.policy.priority),
    maxAttempts: each(({ spec }) => spec.policy.maxAttempts),
    executionTimeouts: each(({ spec }) => spec.policy.executionTimeoutMs),
    heartbeatTimeouts: each(({ spec }) => spec.policy.heartbeatTimeoutMs ?? null),
    initialBackoffs: each(({ spec }) => spec.policy.initialBackoffMs),
    maxBackoffs: each(({ spec }) => spec.policy.maxBackoffMs),
    retentions: each(({ spec }) => spec.policy.retentionMs),
    cancelGraces: each(({ spec }) => spec.policy.cancelGraceMs),
    queueTimeouts: each(({ spec }) => spec.policy.queueTimeoutMs),
  });
}

/** Owners and request ids contain no line breaks. */
function keyOf(owner: string, requestId: string): string {
  return `${owner}\n${requestId}`;
}
