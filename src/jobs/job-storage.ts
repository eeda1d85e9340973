import type { AttemptReader } from "./attempt-record.ts";
import type { JobStats, SubmitSpec } from "./engine.ts";
import type { JobState } from "./job.ts";
import type { JobRow } from "./job-row.ts";

/** The result of a submit. */
export interface Submitted {
  readonly row: JobRow;
  readonly created: boolean;
}

/** The result of a cancel. */
export interface Cancelled {
  readonly row: JobRow;
  /** False if the job had already ended or been cancelled. */
  readonly changed: boolean;
}

/** Selects jobs of one owner below a position, newest first. */
export interface ListRange {
  readonly owner: string;
  readonly tool: string | undefined;
  readonly states: readonly JobState[];
  readonly below: number;
  readonly limit: number;
}

/** The ended jobs of an owner at one point in time. */
export interface Ends {
  /** Every end that is not committed yet will have this time or a later one, Unix milliseconds. */
  readonly resumeMs: number;
  /** If requested: the jobs that ended at `resumeMs` or later, in the same snapshot. */
  readonly past: readonly JobRow[];
}

/** Selects ended jobs of one owner, ordered by end time, then by position. */
export interface EndedRange {
  readonly owner: string;
  readonly sinceMs: number;
  /** Of the jobs that ended exactly at `sinceMs`, only those above this position. */
  readonly above: number;
  readonly limit: number;
}

/** The engine-specific operations on jobs. Each is atomic and throws UNAVAILABLE while the store is unavailable. */
export interface JobStorage extends AttemptReader {
  /** Throws REQUEST_ID_REUSED, QUOTA_EXCEEDED. */
  submit(spec: SubmitSpec): Promise<Submitted>;
  /** The existing jobs among these, in any order. */
  find(jobIds: readonly string[]): Promise<readonly JobRow[]>;
  result(owner: string, jobId: string): Promise<Uint8Array | undefined>;
  list(range: ListRange): Promise<readonly JobRow[]>;
  ends(owner: string, withPast: boolean): Promise<Ends>;
  ended(range: EndedRange): Promise<readonly JobRow[]>;
  /** `undefined` for a missing job or a job of another owner. */
  cancel(owner: string, jobId: string): Promise<Cancelled | undefined>;
  sweep(): Promise<number>;
  stats(): Promise<JobStats>;
}
