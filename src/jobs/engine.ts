import type { SealwireError } from "../errors.ts";
import type { JobPolicy, JobState, JobView } from "./job.ts";

/** What starts a job. */
export interface SubmitSpec {
  /** The client that owns the job. */
  readonly owner: string;
  /** Names the intent within the owner. */
  readonly requestId: string;
  /** SHA-256 that tells "the same" request from another one under the same id (docs/protocol-server.md, Intents). */
  readonly intentDigest: Uint8Array;
  readonly tool: string;
  /** Canonical bytes of the tool's request message. */
  readonly args: Uint8Array;
  readonly policy: JobPolicy;
  /** Most jobs that the owner may have open (QUEUED or RUNNING) at once. */
  readonly openJobsMax: number;
  /** W3C trace context of the call, handed to the handler. */
  readonly traceparent?: string;
}

/** Selects one page of an owner's jobs, newest first. */
export interface ListQuery {
  readonly owner: string;
  /** Empty: all. */
  readonly states: readonly JobState[];
  readonly tool?: string;
  /** 1 to 500. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

/** One claimed run of a job, as a handler sees it. */
export interface JobRun {
  readonly jobId: string;
  readonly owner: string;
  readonly requestId: string;
  readonly tool: string;
  readonly args: Uint8Array;
  readonly attempt: number;
  readonly traceparent: string | undefined;
  /** Aborts on cancel, time-out and drain; its reason is the SealwireError that says which. */
  readonly signal: AbortSignal;
  /** Records progress: counts, `total` 0 if unknown, and a short text without U+0000. Throttled, never throws, returns at once. */
  progress(completed: number, total: number, message?: string): void;
  /** Aborts `signal`, for a handler that has failed while its code goes on. */
  abort(reason: SealwireError): void;
}

/**
 * Runs one attempt and returns the result's bytes (a google.protobuf.Any). A thrown SealwireError with
 * `retryable: false` fails the job at once; anything else thrown uses up an attempt.
 */
export type JobHandler = (run: JobRun) => Promise<Uint8Array>;

/** Handlers by tool name. Jobs of other tools stay queued. */
export type JobHandlers = ReadonlyMap<string, JobHandler>;

/** How much a worker runs at once. */
export interface WorkOptions {
  /** Most handlers that run at once in this worker, 1 to 10,000. */
  readonly concurrency: number;
  /** Most that run at once for one owner, over all workers of the store, 1 to 10,000; default: no limit. */
  readonly perOwner?: number;
}

/** Selects what {@link JobEngine.watchAll} gives. */
export interface WatchAllOptions {
  /** Default: the jobs of all tools. */
  readonly tool?: string;
  /** Also the jobs that ended then or later, Unix milliseconds. Default: of the jobs there are, the open ones alone. */
  readonly endedSinceMs?: number;
  readonly signal?: AbortSignal;
}

/** One step of {@link JobEngine.watchAll}. */
export interface JobNews {
  /** Each in a newer revision than the watch gave before; may be empty. */
  readonly jobs: readonly JobView[];
  /** A watch that begins with it as `endedSinceMs` misses no end that this one has not given. */
  readonly resumeMs: number;
}

/** Claims and runs jobs until it is stopped. */
export interface Worker extends AsyncDisposable {
  /** How many handlers run now. */
  readonly running: number;
  /**
   * Stops claiming, aborts the running handlers' signals, waits up to `graceMs` for them to return,
   * then hands back what still runs, without counting it as a failure. Idempotent.
   */
  stop(graceMs: number): Promise<void>;
}

/**
 * Durable jobs (docs/protocol.md, Jobs). Every engine passes `test/contract/`.
 * A store that is away makes every method throw UNAVAILABLE.
 */
export interface JobEngine {
  /**
   * Accepts a job; resolves after the durable commit. The same intent again returns the job there is.
   * Throws REQUEST_ID_REUSED, QUOTA_EXCEEDED, UNAVAILABLE.
   */
  submit(spec: SubmitSpec): Promise<{ readonly job: JobView; readonly created: boolean }>;
  /** `null` for an absent job and for another owner's. */
  get(owner: string, jobId: string): Promise<JobView | null>;
  /** The result's bytes once SUCCEEDED, otherwise `null`. */
  result(owner: string, jobId: string): Promise<Uint8Array | null>;
  /** Throws ARGS_INVALID naming `page_token` if the token is not one of this list. */
  list(query: ListQuery): Promise<{ readonly jobs: readonly JobView[]; readonly nextPageToken?: string }>;
  /** Asks a job to stop; idempotent. QUEUED ends at once, RUNNING has its signal aborted. */
  cancel(owner: string, jobId: string): Promise<JobView | null>;
  /**
   * Yields the current state if its revision is above `afterRevision`, then each newer one (progress may be
   * merged), and returns after the terminal one, which is yielded whatever `afterRevision` says. Throws
   * JOB_NOT_FOUND; ends quietly when `signal` aborts.
   */
  watch(
    owner: string,
    jobId: string,
    options?: { readonly afterRevision?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<JobView>;
  /**
   * Follows all of an owner's jobs: yields those that are open, and those that `endedSinceMs` asks for, then every newer
   * revision of any of them and of each new one (progress may be merged). The first step has no job and comes at once.
   * Holds what is new until it is asked for, so it has to be returned, or its signal aborted, in the end; then it ends
   * quietly.
   */
  watchAll(owner: string, options?: WatchAllOptions): AsyncIterable<JobNews>;
  /** Starts to claim and run jobs. */
  work(handlers: JobHandlers, options: WorkOptions): Promise<Worker>;
  /** Removes what has expired, in bounded slices; returns how many rows went. */
  sweep(): Promise<number>;
  /** Figures for metrics. */
  stats(): Promise<JobStats>;
}

/** Figures of {@link JobEngine.stats}. */
export interface JobStats {
  /** Those of a large store on PostgreSQL are estimated: what has ended, and open jobs beyond 20,000. */
  readonly byState: Readonly<Record<JobState, number>>;
  /** Age of the oldest job that could run now, in milliseconds; 0 if there is none. */
  readonly oldestQueuedMs: number;
}
