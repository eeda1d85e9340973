import type { SealwireError } from "../errors.ts";
import type { AttemptRecord } from "./attempt-record.ts";
import type { JobPolicy, JobState, JobView } from "./job.ts";
import type { JobObserver } from "./worker/job-observer.ts";

/** A job to be submitted. */
export interface SubmitSpec {
  /** The client that owns the job. */
  readonly owner: string;
  /** Identifies the intent within the owner. */
  readonly requestId: string;
  /** SHA-256 of the request. Distinguishes requests with the same id (docs/protocol-server.md, Intents). */
  readonly intentDigest: Uint8Array;
  readonly tool: string;
  /** Canonical bytes of the tool's request message. */
  readonly args: Uint8Array;
  readonly policy: JobPolicy;
  /** Maximum number of open jobs (QUEUED or RUNNING) of the owner. */
  readonly openJobsMax: number;
  /** W3C trace context of the call, passed to the handler. */
  readonly traceparent?: string;
  /** W3C tracestate of the call; only with `traceparent`. */
  readonly tracestate?: string;
}

/** Selects one page of an owner's jobs, newest first. */
export interface ListQuery {
  readonly owner: string;
  /** Empty: all states. */
  readonly states: readonly JobState[];
  readonly tool?: string;
  /** 1 to 500. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

/** One attempt of a job, as passed to its handler. */
export interface JobRun {
  readonly jobId: string;
  readonly owner: string;
  readonly requestId: string;
  readonly tool: string;
  readonly args: Uint8Array;
  readonly attempt: number;
  readonly traceparent: string | undefined;
  /** W3C tracestate that belongs to `traceparent`. */
  readonly tracestate: string | undefined;
  /** When the attempt times out, in Unix milliseconds. */
  readonly deadlineMs: number;
  /** Aborts on cancellation, time-out and drain. Its reason is a SealwireError. */
  readonly signal: AbortSignal;
  /**
   * Records progress: counts, `total` 0 if unknown, and a short text without U+0000. Throttled. Returns immediately and
   * never throws.
   */
  progress(completed: number, total: number, message?: string): void;
  /**
   * Must be called before the tool begins, if no other attempt may follow. A drain then fails the job with
   * OUTCOME_UNKNOWN instead of returning it to the queue, unless the handler throws a HandBackError.
   */
  runOnce(): void;
  /** Aborts `signal` when the handler has failed while its code still runs. */
  abort(reason: SealwireError): void;
}

/**
 * Runs one attempt and returns the serialized result (a google.protobuf.Any). A SealwireError with `retryable: false`
 * fails the job immediately, a HandBackError returns it to the queue. Any other error uses up an attempt.
 */
export type JobHandler = (run: JobRun) => Promise<Uint8Array>;

/** Handlers by tool name, such as a Map. They may change while a worker runs. Jobs of other tools remain queued. */
export interface JobHandlers {
  get(tool: string): JobHandler | undefined;
  /** True if jobs of the tool may be claimed at this time. */
  has(tool: string): boolean;
  /** Maximum number of jobs in the next claim. Default: no limit. */
  room?(): number;
  /** Is told of each attempt. Default: nobody is. */
  readonly observer?: JobObserver;
  /** Calls `listener` when more jobs may be claimed than before. */
  onMore?(listener: () => void): Disposable;
}

/** Concurrency limits of a worker. */
export interface WorkOptions {
  /** Maximum number of concurrent handlers in this worker, 1 to 10,000. */
  readonly concurrency: number;
  /**
   * Maximum number of concurrent handlers for one owner in all workers of the store, 1 to 10,000. Default: no limit.
   */
  readonly perOwner?: number;
}

/** Selects the jobs of {@link JobEngine.watchAll}. */
export interface WatchAllOptions {
  /** Default: the jobs of all tools. */
  readonly tool?: string;
  /** Includes the jobs that ended at this time or later, Unix milliseconds. Default: only open jobs. */
  readonly endedSinceMs?: number;
  readonly signal?: AbortSignal;
}

/** One step of {@link JobEngine.watchAll}. */
export interface JobNews {
  /** Jobs with a newer revision than the watch has yielded before; may be empty. */
  readonly jobs: readonly JobView[];
  /** A watch that starts with this value as `endedSinceMs` yields every end that this watch has not yielded. */
  readonly resumeMs: number;
}

/** Claims and runs jobs until it is stopped. */
export interface Worker extends AsyncDisposable {
  /** Number of running handlers. */
  readonly running: number;
  /**
   * Stops claiming, aborts the signals of the running handlers and waits up to `graceMs` for them to return. Then
   * returns the remaining jobs to the queue, which does not count as a failure. Idempotent.
   */
  stop(graceMs: number): Promise<void>;
}

/**
 * Durable jobs (docs/protocol.md, Jobs). Every engine passes `test/contract/`. Every method throws UNAVAILABLE while
 * the store is unavailable.
 */
export interface JobEngine {
  /**
   * Accepts a job. Resolves after the durable commit. A repeated intent returns the existing job. Throws
   * REQUEST_ID_REUSED, QUOTA_EXCEEDED, UNAVAILABLE.
   */
  submit(spec: SubmitSpec): Promise<{ readonly job: JobView; readonly created: boolean }>;
  /** `null` for a missing job and for a job of another owner. */
  get(owner: string, jobId: string): Promise<JobView | null>;
  /** A job with its latest attempts, newest first; `null` as for {@link get}. */
  getWithAttempts(
    owner: string,
    jobId: string,
    attemptsMax: number,
  ): Promise<{ readonly job: JobView; readonly attempts: readonly AttemptRecord[] } | null>;
  /** The serialized result of a SUCCEEDED job, otherwise `null`. */
  result(owner: string, jobId: string): Promise<Uint8Array | null>;
  /** Throws ARGS_INVALID naming `page_token` if the token does not belong to this query. */
  list(query: ListQuery): Promise<{ readonly jobs: readonly JobView[]; readonly nextPageToken?: string }>;
  /** Cancels a job. Idempotent. A QUEUED job ends immediately; the signal of a RUNNING job is aborted. */
  cancel(owner: string, jobId: string): Promise<JobView | null>;
  /**
   * Yields the current state if its revision is above `afterRevision`, then each newer one (progress may be merged).
   * Returns after the terminal state, which is yielded for any `afterRevision`. Throws JOB_NOT_FOUND. Ends without an
   * error when `signal` aborts.
   */
  watch(
    owner: string,
    jobId: string,
    options?: { readonly afterRevision?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<JobView>;
  /**
   * Watches all jobs of an owner: yields the open jobs, and the ended ones that `endedSinceMs` selects, then every
   * newer revision of them and of each new job (progress may be merged). The first item has no job and is yielded
   * immediately. Unread changes are kept in memory until the iterator is returned or `signal` aborts. Then the
   * iteration ends without an error.
   */
  watchAll(owner: string, options?: WatchAllOptions): AsyncIterable<JobNews>;
  /**
   * Calls `listener` with each job that this process has ended or returned to the queue after an attempt: also one that
   * was cancelled, has expired or was lost.
   */
  onStop(listener: (job: JobView) => void): Disposable;
  /** Starts a worker that claims and runs jobs. */
  work(handlers: JobHandlers, options: WorkOptions): Promise<Worker>;
  /** Deletes expired rows in bounded batches. Returns the number of deleted rows. */
  sweep(): Promise<number>;
  /** Statistics for metrics. */
  stats(): Promise<JobStats>;
}

/** Statistics of {@link JobEngine.stats}. */
export interface JobStats {
  /**
   * Number of jobs by state. On PostgreSQL large numbers are estimates: those of ended jobs, and of open jobs above
   * 20,000.
   */
  readonly byState: Readonly<Record<JobState, number>>;
  /** Age of the oldest job that is ready to run, in milliseconds; 0 if there is none. */
  readonly oldestQueuedMs: number;
}
