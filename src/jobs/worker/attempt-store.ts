import type { JobError, JobProgress, JobView } from "../job.ts";

/** Identifies one attempt of a job. An attempt that was replaced by another one can no longer change the job. */
export interface AttemptKey {
  readonly jobId: string;
  /** Number of this claim of the job, from 1 on. */
  readonly attempt: number;
}

/** An attempt that a worker has claimed, with the data to run it. */
export interface ClaimedAttempt extends AttemptKey {
  readonly owner: string;
  readonly requestId: string;
  readonly tool: string;
  readonly args: Uint8Array;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** When the job became due, Unix milliseconds. */
  readonly dueAtMs: number;
  readonly executionTimeoutMs: number;
  /** `undefined`: no limit. */
  readonly heartbeatTimeoutMs: number | undefined;
  readonly cancelGraceMs: number;
  /** The end of the queue time-out, which the claim has ended, Unix milliseconds; `undefined` if it had ended before. */
  readonly queueDeadlineMs: number | undefined;
}

/** The attempts that a worker can run. */
export interface ClaimRequest {
  /** True for the tools that the worker has handlers for. */
  handles(tool: string): boolean;
  /** Maximum number of attempts to claim. */
  readonly count: number;
  /** Maximum number of concurrent attempts of one owner in all workers of the store; `undefined`: no limit. */
  readonly perOwner: number | undefined;
}

/** The result of a claim. */
export interface Claim {
  readonly attempts: readonly ClaimedAttempt[];
  /** Time until the next unclaimed job is due, in milliseconds; `undefined` if there is none. */
  readonly nextDueInMs: number | undefined;
}

/** The outcome of an attempt. */
export type AttemptOutcome =
  | { readonly kind: "succeeded"; readonly result: Uint8Array }
  | FailedAttempt
  | { readonly kind: "cancelled" }
  | HandedBackAttempt;

/** An attempt that counts as a failure. */
export interface FailedAttempt {
  readonly kind: "failed";
  readonly error: JobError;
  /** True if another attempt may follow, provided that the policy grants one. */
  readonly retry: boolean;
}

/** An attempt whose job returns to the queue without a failure. */
export interface HandedBackAttempt {
  readonly kind: "handedBack";
  /** Delay until the job may be claimed again, in milliseconds. At most the policy's `maxBackoffMs` is used. */
  readonly delayMs: number;
  /** The queue time-out that is in force again, because the attempt did not begin; `undefined`: none. */
  readonly queueDeadlineMs: number | undefined;
  /** True if every 11th such hand-back of the job is a failed attempt. */
  readonly isCounted: boolean;
}

/** Notifications to a worker. Those of other processes may be lost, so the worker also polls. */
export interface RunListener {
  /** A job may be ready to claim. */
  jobReady(): void;
  /** The job's owner has cancelled it. */
  cancelRequested(jobId: string): void;
  /** This process has ended the job, or returned it to the queue. */
  stopped?(job: JobView): void;
}

/** The running attempts that must stop, by job id. */
export interface Review {
  /** Jobs that their owners have cancelled. */
  readonly cancelRequested: readonly string[];
  /** Jobs whose attempt is lost: another attempt runs, the job has ended or it does not exist. */
  readonly replaced: readonly string[];
}

/**
 * The operations of a worker on a store. Every method throws UNAVAILABLE, and changes nothing, while the store is
 * unavailable.
 */
export interface AttemptStore {
  claim(request: ClaimRequest): Promise<Claim>;
  recordProgress(attempt: AttemptKey, progress: JobProgress): Promise<void>;
  /** Records the outcome and the last progress. Returns false if the attempt is no longer the running one. */
  settle(attempt: AttemptKey, outcome: AttemptOutcome, progress: JobProgress | undefined): Promise<boolean>;
  /** Reports that a claimed attempt will never be settled. It then counts as lost. */
  drop(attempt: AttemptKey): void;
  /** Returns which of the running attempts must stop, in case a notification was lost. */
  review(running: readonly AttemptKey[]): Promise<Review>;
  listen(listener: RunListener): Disposable;
}
