import type { AttemptRecord } from "../jobs/attempt-record.ts";
import type { JobState, JobView } from "../jobs/job.ts";

export type { AttemptRecord } from "../jobs/attempt-record.ts";

/** A process that uses the store. Times are in Unix milliseconds. */
export interface InstanceRecord {
  readonly id: string;
  /** `server` also runs jobs unless it was told not to; `worker` only runs jobs. */
  readonly role: "server" | "worker";
  /** Version of its software. */
  readonly version: string;
  /** Where it listens; empty if it does not. */
  readonly address: string;
  readonly sinceMs: number;
  readonly renewedAtMs: number;
  /** Number of attempts that it runs. */
  readonly running: number;
}

/** A job as an operator sees it. */
export interface OperatorJobView extends JobView {
  /** Id of the process that runs it or ran its last attempt; `undefined` while it waits. */
  readonly instance: string | undefined;
}

/** Selects one page of the jobs of all owners, newest first. */
export interface AllJobsQuery {
  /** Empty: all states. */
  readonly states: readonly JobState[];
  readonly tool?: string;
  readonly owner?: string;
  /** Created at this time or later, Unix milliseconds. */
  readonly createdSinceMs?: number;
  /** Created before this time, Unix milliseconds. */
  readonly createdBeforeMs?: number;
  /** 1 to 500. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

/** Statistics of the jobs of one tool in the store. */
export interface ToolStats {
  readonly tool: string;
  readonly byState: Readonly<Record<JobState, number>>;
}

/** What an operator sees of a store: the jobs of all owners, their attempts, and the processes. Throws UNAVAILABLE. */
export interface OperatorView {
  /**
   * A page may have fewer jobs than its size, even none, while there is a next one: a search through many jobs is divided.
   * Jobs whose clocks differ by more than ten seconds may be missing at the limits of the creation time. Throws
   * ARGS_INVALID naming `page_token` if the token does not belong to this query.
   */
  jobs(query: AllJobsQuery): Promise<{ readonly jobs: readonly OperatorJobView[]; readonly nextPageToken?: string }>;
  /** `null` for a missing job. */
  job(jobId: string): Promise<OperatorJobView | null>;
  /** The latest attempts of a job, newest first; empty for a missing job. */
  attempts(jobId: string, limit: number): Promise<readonly AttemptRecord[]>;
  /** The serialized arguments of a job that has not ended, otherwise `null`: they are deleted with its end. */
  args(jobId: string): Promise<Uint8Array | null>;
  /** The serialized result of a SUCCEEDED job, otherwise `null`. */
  result(jobId: string): Promise<Uint8Array | null>;
  /** Cancels a job of any owner. Idempotent. `null` for a missing job. */
  cancel(jobId: string): Promise<OperatorJobView | null>;
  /** The processes whose lease has not ended, oldest first. */
  instances(): Promise<readonly InstanceRecord[]>;
  /** Numbers by tool; estimates where {@link JobStats} are. */
  statsByTool(): Promise<readonly ToolStats[]>;
}
