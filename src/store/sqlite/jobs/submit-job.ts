import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../../errors.ts";
import type { SubmitSpec } from "../../../jobs/engine.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { Submitted } from "../../../jobs/job-storage.ts";
import { quotaExceeded } from "../../../jobs/quota.ts";
import { INITIAL_STATE } from "../../../jobs/transitions.ts";

/**
 * Prepares the insertion of a job with its intent. The operation throws REQUEST_ID_REUSED if the request id belongs to
 * another job or to a sync call, and QUOTA_EXCEEDED.
 */
export function prepareSubmit(db: DatabaseSync): (spec: SubmitSpec, jobId: string, nowMs: number) => Submitted {
  const jobOfRequest = db.prepare("SELECT * FROM job WHERE owner = ? AND request_id = ?");
  const intentOfRequest = db.prepare("SELECT 1 FROM intent WHERE client_id = ? AND request_id = ?");
  const openJobs = db.prepare(
    "SELECT coalesce(sum(jobs), 0) AS open FROM job_count WHERE owner = ? AND state IN ('QUEUED', 'RUNNING')",
  );
  const insertArgs = db.prepare("INSERT INTO job_args VALUES (?, ?)");
  const insertJob = db.prepare(`
    INSERT INTO job (
      job_id, owner, request_id, intent_digest, tool, traceparent, state, revision, attempt, failures, cancel_requested,
      priority, max_attempts, execution_timeout_ms, heartbeat_timeout_ms, initial_backoff_ms, max_backoff_ms, retention_ms,
      cancel_grace_ms, created_at_ms, run_at_ms, queue_deadline_ms
    ) VALUES (
      :jobId, :owner, :requestId, :intentDigest, :tool, :traceparent, '${INITIAL_STATE}', 1, 0, 0, FALSE,
      :priority, :maxAttempts, :executionTimeoutMs, :heartbeatTimeoutMs, :initialBackoffMs, :maxBackoffMs, :retentionMs,
      :cancelGraceMs, :now, :now, :now + :queueTimeoutMs
    ) RETURNING *`);

  return (spec, jobId, nowMs) => {
    const { owner, requestId, intentDigest, tool, args, policy, openJobsMax, traceparent = null } = spec;
    const known = jobOfRequest.get(owner, requestId) as JobRow | undefined;
    if (known !== undefined) {
      if (Buffer.compare(known.intent_digest, intentDigest) !== 0) throw new SealwireError("REQUEST_ID_REUSED");
      return { row: known, created: false };
    }
    if (intentOfRequest.get(owner, requestId) !== undefined) throw new SealwireError("REQUEST_ID_REUSED");
    if (Number(openJobs.get(owner)?.open) >= openJobsMax) {
      throw quotaExceeded(openJobsMax);
    }
    const row = insertJob.get({
      jobId,
      owner,
      requestId,
      intentDigest,
      tool,
      traceparent,
      priority: policy.priority,
      maxAttempts: policy.maxAttempts,
      queueTimeoutMs: policy.queueTimeoutMs,
      executionTimeoutMs: policy.executionTimeoutMs,
      heartbeatTimeoutMs: policy.heartbeatTimeoutMs ?? null,
      initialBackoffMs: policy.initialBackoffMs,
      maxBackoffMs: policy.maxBackoffMs,
      retentionMs: policy.retentionMs,
      cancelGraceMs: policy.cancelGraceMs,
      now: nowMs,
    }) as unknown as JobRow;
    insertArgs.run(row.seq, args);
    return { row, created: true };
  };
}
