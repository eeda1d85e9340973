import type { ErrorDetail, FieldViolation, StatusName, WireReason } from "../errors.ts";

/** The state of a job; see `docs/protocol.md`, Jobs. */
export type JobState = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

/** All states in the order of a job's life cycle. */
export const JOB_STATES: readonly JobState[] = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];

/** The last progress that a tool reported. Counts are non-negative integers; `total` 0 means unknown. */
export interface JobProgress {
  readonly completed: number;
  readonly total: number;
  readonly message: string;
}

/** Why a job, or its latest attempt, did not succeed. */
export interface JobError {
  readonly reason: WireReason;
  /** The status of the reason, unless the tool set another. */
  readonly status: StatusName;
  readonly message: string;
  readonly retryable: boolean;
  readonly violations: readonly FieldViolation[];
  /** Number of violations that are not in `violations`. */
  readonly violationsOmitted: number;
  /** How long to wait before another attempt, in milliseconds; `undefined` if no time is known. */
  readonly retryDelayMs: number | undefined;
  readonly details: readonly ErrorDetail[];
}

/** A job as its owner sees it, without its result. Times are in Unix milliseconds. */
export interface JobView {
  readonly jobId: string;
  readonly owner: string;
  readonly tool: string;
  readonly requestId: string;
  readonly state: JobState;
  readonly revision: number;
  /** Number of times that a worker has claimed the job. */
  readonly attempt: number;
  /**
   * Number of attempts that may fail or crash. An attempt that was handed back, because its worker drained or its tool
   * was not there, does not count.
   */
  readonly maxAttempts: number;
  readonly progress: JobProgress | undefined;
  readonly error: JobError | undefined;
  readonly cancelRequested: boolean;
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  /** The trace in which it was submitted, 32 hexadecimal digits; `undefined` if there is none. */
  readonly traceId: string | undefined;
}

/** The job policy of a tool: `sealwire.v1.JobPolicy` with all defaults, in milliseconds. */
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
