import type { StatusName, WireReason } from "../errors.ts";

/** Where a job is in its life; docs/protocol.md, Jobs. */
export type JobState = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

/** All states, in the order of a job's life. */
export const JOB_STATES: readonly JobState[] = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];

/** The last progress a tool reported. Non-negative integers; `total` 0 means unknown. */
export interface JobProgress {
  readonly completed: number;
  readonly total: number;
  readonly message: string;
}

/** Why a job, or its latest attempt, did not succeed. */
export interface JobError {
  readonly reason: WireReason;
  /** The reason's own status unless the tool chose another. */
  readonly status: StatusName;
  readonly message: string;
  readonly retryable: boolean;
}

/** A job as its owner sees it; times in Unix milliseconds. The result is kept apart, it may be megabytes. */
export interface JobView {
  readonly jobId: string;
  readonly owner: string;
  readonly tool: string;
  readonly requestId: string;
  readonly state: JobState;
  readonly revision: number;
  /** How many times a worker has claimed it. */
  readonly attempt: number;
  /** How many attempts may fail or crash; a hand-back counts as neither. */
  readonly maxAttempts: number;
  readonly progress: JobProgress | undefined;
  readonly error: JobError | undefined;
  readonly cancelRequested: boolean;
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly expiresAtMs: number | undefined;
}

/** How a tool's jobs are run: `sealwire.v1.JobPolicy` with its defaults filled in, in milliseconds. */
export interface JobPolicy {
  /** Jobs of a higher priority are claimed first; -100 to 100. */
  readonly priority: number;
  readonly executionTimeoutMs: number;
  readonly queueTimeoutMs: number;
  /** `undefined`: no limit. */
  readonly heartbeatTimeoutMs: number | undefined;
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly retentionMs: number;
  readonly cancelGraceMs: number;
}
