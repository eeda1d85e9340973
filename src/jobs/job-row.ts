import type { JobState, JobView } from "./job.ts";
import { readJobError } from "./job-error.ts";
import { readStoredTrace, storedTraceId } from "./stored-trace.ts";
import type { ClaimedAttempt } from "./worker/attempt-store.ts";

/** A row of the table `job`, which has the same columns in every engine. Booleans are engine-specific. */
export interface JobRow {
  readonly seq: number;
  readonly job_id: string;
  readonly owner: string;
  readonly request_id: string;
  readonly tool: string;
  /** See {@link readStoredTrace}. */
  readonly traceparent: string | null;
  readonly state: JobState;
  readonly revision: number;
  readonly attempt: number;
  readonly cancel_requested: number | boolean;
  /** The process of the latest attempt; `null` before the first one, and after one that returned the job to the queue. */
  readonly instance_id: string | null;
  readonly progress_completed: number | null;
  readonly progress_total: number | null;
  readonly progress_message: string | null;
  readonly error: string | null;
  readonly priority: number;
  readonly max_attempts: number;
  readonly execution_timeout_ms: number;
  readonly heartbeat_timeout_ms: number | null;
  readonly cancel_grace_ms: number;
  readonly created_at_ms: number;
  readonly run_at_ms: number;
  readonly started_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly expires_at_ms: number | null;
}

/** A row with the columns that determine whether another attempt follows a failed one. */
export interface RetryRow extends JobRow {
  readonly failures: number;
  /** Counted hand-backs since the last one that was a failed attempt. */
  readonly hand_backs: number;
  readonly initial_backoff_ms: number;
  readonly max_backoff_ms: number;
}

/** A row with the columns that identify the request of the job. */
export interface RequestedRow extends JobRow {
  readonly intent_digest: Uint8Array;
}

/** The job of a row, as its owner sees it. */
export function toJobView(row: JobRow): JobView {
  return {
    jobId: row.job_id,
    owner: row.owner,
    tool: row.tool,
    requestId: row.request_id,
    state: row.state,
    revision: row.revision,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    progress:
      row.progress_completed === null
        ? undefined
        : {
            completed: row.progress_completed,
            total: row.progress_total ?? 0,
            message: row.progress_message ?? "",
          },
    error: row.error === null ? undefined : readJobError(row.error),
    cancelRequested: Boolean(row.cancel_requested),
    createdAtMs: row.created_at_ms,
    startedAtMs: row.started_at_ms ?? undefined,
    endedAtMs: row.ended_at_ms ?? undefined,
    expiresAtMs: row.expires_at_ms ?? undefined,
    traceId: storedTraceId(row.traceparent),
  };
}

/** Converts the row of a claimed job to an attempt for a worker. */
export function toClaimedAttempt(
  row: JobRow,
  { args, queueDeadlineMs }: { readonly args: Uint8Array; readonly queueDeadlineMs: number | null },
): ClaimedAttempt {
  return {
    jobId: row.job_id,
    attempt: row.attempt,
    owner: row.owner,
    requestId: row.request_id,
    tool: row.tool,
    args,
    ...readStoredTrace(row.traceparent),
    dueAtMs: row.run_at_ms,
    executionTimeoutMs: row.execution_timeout_ms,
    heartbeatTimeoutMs: row.heartbeat_timeout_ms ?? undefined,
    cancelGraceMs: row.cancel_grace_ms,
    queueDeadlineMs: queueDeadlineMs ?? undefined,
  };
}
