import type { JobStats, SubmitSpec } from "./engine.ts";
import type { JobState } from "./job.ts";
import type { JobRow } from "./job-row.ts";

/** What a submit found or made. */
export interface Submitted {
  readonly row: JobRow;
  readonly created: boolean;
}

/** What a cancel left. */
export interface Cancelled {
  readonly row: JobRow;
  /** False if the job had ended, or was asked to stop before. */
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

/** Where the ends of an owner's jobs stand. */
export interface Ends {
  /** Every end that is not committed yet will stand at this time or later, Unix milliseconds. */
  readonly resumeMs: number;
  /** If asked for: the jobs that have ended at `resumeMs` or later, in the same snapshot. */
  readonly past: readonly JobRow[];
}

/** Selects ended jobs of one owner, by end and then by age. */
export interface EndedRange {
  readonly owner: string;
  readonly sinceMs: number;
  /** Of those that ended at `sinceMs` itself, only the ones above this position. */
  readonly above: number;
  readonly limit: number;
}

/** The operations on jobs that each engine has its own SQL for. Each is atomic; all throw UNAVAILABLE. */
export interface JobStorage {
  /** Throws REQUEST_ID_REUSED, QUOTA_EXCEEDED. */
  submit(spec: SubmitSpec): Promise<Submitted>;
  /** Those of the jobs that there are, in any order. */
  find(jobIds: readonly string[]): Promise<readonly JobRow[]>;
  result(owner: string, jobId: string): Promise<Uint8Array | undefined>;
  list(range: ListRange): Promise<readonly JobRow[]>;
  ends(owner: string, withPast: boolean): Promise<Ends>;
  ended(range: EndedRange): Promise<readonly JobRow[]>;
  /** `undefined` for an absent or foreign job. */
  cancel(owner: string, jobId: string): Promise<Cancelled | undefined>;
  sweep(): Promise<number>;
  stats(): Promise<JobStats>;
}
