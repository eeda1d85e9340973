import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../../errors.ts";
import type { SubmitSpec } from "../../../jobs/engine.ts";
import type { JobRow, RequestedRow } from "../../../jobs/job-row.ts";
import type { Submitted } from "../../../jobs/job-storage.ts";
import { quotaExceeded } from "../../../jobs/quota.ts";
import { INITIAL_STATE } from "../../../jobs/transitions.ts";
import { NamedStatement } from "../named-statement.ts";
import { JOB_COLUMNS } from "./job-columns.ts";
import type { JobCounts } from "./job-counts.ts";

/**
 * Prepares the insertion of a job with its intent. The operation throws REQUEST_ID_REUSED if the request id belongs to
 * another job or to a sync call, and QUOTA_EXCEEDED.
 */
export function prepareSubmit(
  db: DatabaseSync,
  counts: JobCounts,
): (spec: SubmitSpec, jobId: string, nowMs: number) => Submitted | SealwireError {
  const jobOfRequest = db.prepare(`SELECT ${JOB_COLUMNS}, intent_digest FROM job WHERE owner = ? AND request_id = ?`);
  const intentOfRequest = db.prepare("SELECT 1 FROM intent WHERE client_id = ? AND request_id = ?");
  const insertArgs = db.prepare("INSERT INTO job_args VALUES (?, ?)");
  const insertJob = new NamedStatement(
    db,
    `INSERT INTO job (
      job_id, owner, request_id, intent_digest, tool, traceparent, state, revision, attempt, failures, cancel_requested,
      priority, max_attempts, execution_timeout_ms, heartbeat_timeout_ms, initial_backoff_ms, max_backoff_ms, retention_ms,
      cancel_grace_ms, created_at_ms, run_at_ms, queue_deadline_ms
    ) VALUES (
      :job_id, :owner, :request_id, :intentDigest, :tool, :traceparent, :state, :revision, :attempt, 0, :cancel_requested,
      :priority, :max_attempts, :execution_timeout_ms, :heartbeat_timeout_ms, :initialBackoffMs, :maxBackoffMs, :retentionMs,
      :cancel_grace_ms, :created_at_ms, :run_at_ms, :queueDeadlineMs
    )`,
  );

  return (spec, jobId, nowMs) => {
    const { owner, requestId, intentDigest, args, policy, openJobsMax } = spec;
    const known = jobOfRequest.get(owner, requestId) as RequestedRow | undefined;
    if (known !== undefined) {
      const isSame = Buffer.compare(known.intent_digest, intentDigest) === 0;
      return isSame ? { row: known, created: false } : new SealwireError("REQUEST_ID_REUSED");
    }
    if (intentOfRequest.get(owner, requestId) !== undefined) return new SealwireError("REQUEST_ID_REUSED");
    if (counts.of(owner, "QUEUED") + counts.of(owner, "RUNNING") >= openJobsMax) return quotaExceeded(openJobsMax);
    const row = newRow(spec, jobId, nowMs);
    const { initialBackoffMs, maxBackoffMs, retentionMs, queueTimeoutMs } = policy;
    const queueDeadlineMs = nowMs + queueTimeoutMs;
    const unread = { intentDigest, initialBackoffMs, maxBackoffMs, retentionMs, queueDeadlineMs };
    const seq = insertJob.insert({ ...row, ...unread });
    insertArgs.run(seq, args);
    counts.moved(owner, undefined, INITIAL_STATE);
    return { row: { seq, ...row }, created: true };
  };
}

/** The row of a new job, without its number. */
function newRow({ owner, requestId, tool, traceparent, policy }: SubmitSpec, jobId: string, nowMs: number) {
  return {
    job_id: jobId,
    owner,
    request_id: requestId,
    tool,
    traceparent: traceparent ?? null,
    state: INITIAL_STATE,
    revision: 1,
    attempt: 0,
    cancel_requested: 0,
    instance_id: null,
    progress_completed: null,
    progress_total: null,
    progress_message: null,
    error: null,
    priority: policy.priority,
    max_attempts: policy.maxAttempts,
    execution_timeout_ms: policy.executionTimeoutMs,
    heartbeat_timeout_ms: policy.heartbeatTimeoutMs ?? null,
    cancel_grace_ms: policy.cancelGraceMs,
    created_at_ms: nowMs,
    run_at_ms: nowMs,
    started_at_ms: null,
    ended_at_ms: null,
    expires_at_ms: null,
  } satisfies Omit<JobRow, "seq">;
}
