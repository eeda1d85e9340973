import type { JobError, JobProgress } from "../job.ts";

/** Names one attempt of a job; what another attempt has replaced can change nothing any more. */
export interface AttemptKey {
  readonly jobId: string;
  /** Counts the claims of the job, from 1. */
  readonly attempt: number;
}

/** An attempt that a worker has claimed, with what it needs to run it. */
export interface ClaimedAttempt extends AttemptKey {
  readonly owner: string;
  readonly requestId: string;
  readonly tool: string;
  readonly args: Uint8Array;
  readonly traceparent: string | undefined;
  readonly executionTimeoutMs: number;
  /** `undefined`: no limit. */
  readonly heartbeatTimeoutMs: number | undefined;
  readonly cancelGraceMs: number;
}

/** What a worker has room for. */
export interface ClaimRequest {
  /** True for the tools it has handlers for. */
  handles(tool: string): boolean;
  /** Most attempts to claim. */
  readonly count: number;
  /** Most attempts of one owner that may run at once, over all workers of the store; `undefined`: no limit. */
  readonly perOwner: number | undefined;
}

/** What a claim gave. */
export interface Claim {
  readonly attempts: readonly ClaimedAttempt[];
  /** How long until the next job is due that could not be claimed yet, in milliseconds; `undefined` if there is none. */
  readonly nextDueInMs: number | undefined;
}

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: "succeeded"; readonly result: Uint8Array }
  /** `retry`: another attempt may follow if the policy grants one. */
  | { readonly kind: "failed"; readonly error: JobError; readonly retry: boolean }
  | { readonly kind: "cancelled" }
  | { readonly kind: "handedBack" };

/** Notifications to a worker; one may be lost, so the worker also asks from time to time. */
export interface RunListener {
  /** There may be something to claim. */
  jobReady(): void;
  /** The job's owner asked it to stop. */
  cancelRequested(jobId: string): void;
}

/** Which running attempts are to stop, by job id. */
export interface Review {
  /** Their owners asked for it. */
  readonly cancelRequested: readonly string[];
  /** They count as lost: the job is another attempt's, has ended or is gone. */
  readonly replaced: readonly string[];
}

/** What a worker needs of an engine. Every method throws UNAVAILABLE while the store is away, with nothing changed. */
export interface AttemptStore {
  claim(request: ClaimRequest): Promise<Claim>;
  recordProgress(attempt: AttemptKey, progress: JobProgress): Promise<void>;
  /** Records the outcome and the last progress. False if the attempt is not the running one any more. */
  settle(attempt: AttemptKey, outcome: Outcome, progress: JobProgress | undefined): Promise<boolean>;
  /** Tells that a claimed attempt will never be settled: it counts as lost with its worker. */
  drop(attempt: AttemptKey): void;
  /** Looks which of the attempts that a worker runs are to stop, in case a notification was lost. */
  review(running: readonly AttemptKey[]): Promise<Review>;
  listen(listener: RunListener): Disposable;
}
