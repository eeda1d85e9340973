import type { JobState } from "../../jobs/job.ts";
import type { JobRow } from "../../jobs/job-row.ts";
import type { InstanceRecord, ToolStats } from "../operator-view.ts";

/** The positions of jobs to read: `from` or above, and below `below`. A job's position is its `seq`. */
export interface Positions {
  readonly from: number;
  readonly below: number;
}

/** Conditions on jobs of all owners. */
export interface JobFilter {
  /** At least one. */
  readonly states: readonly JobState[];
  readonly tool: string | undefined;
  /** Created at this time or later, Unix milliseconds. */
  readonly sinceMs: number;
  /** Created before this time, Unix milliseconds. */
  readonly beforeMs: number;
}

/** A read of jobs in a range, newest first. */
export interface JobRange extends JobFilter, Positions {
  readonly limit: number;
}

/** The engine-specific reads of an operator's view. Each throws UNAVAILABLE while the store is unavailable. */
export interface OperatorStorage {
  /** The owners with jobs in any of the states, perhaps more; `undefined` if there are more than `most`. */
  owners(states: readonly JobState[], most: number): Promise<readonly string[] | undefined>;
  /** The jobs of these owners in a range: one index range for each owner and state. */
  jobsOf(owners: readonly string[], range: JobRange): Promise<readonly JobRow[]>;
  /** The jobs in a range: reads the jobs in it one after the other. */
  jobsIn(range: JobRange): Promise<readonly JobRow[]>;
  /** The position of the `count`th job below a position; `undefined` if there are fewer from `from` on. */
  positionOf(count: number, positions: Positions): Promise<number | undefined>;
  /** The position of the first job that was created at `timeMs` or later, by binary search. */
  positionAt(timeMs: number): Promise<number>;
  /** The arguments of the job at a position; `undefined` if it has ended. */
  args(position: number): Promise<Uint8Array | undefined>;
  instances(): Promise<readonly InstanceRecord[]>;
  statsByTool(): Promise<readonly ToolStats[]>;
}
