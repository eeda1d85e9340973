import type { JobState } from "./job.ts";

interface StateChange {
  readonly from: JobState;
  readonly to: JobState;
}

/** The state of a new job. */
export const INITIAL_STATE = "QUEUED" satisfies JobState;

/**
 * All transitions of a job. This table alone defines which state may follow which; the SQL statements of the engines
 * are generated from it. Each transition increments the job's revision.
 */
export const TRANSITIONS = {
  /** A worker claims the job, which counts as an attempt. */
  claim: { from: "QUEUED", to: "RUNNING" },
  /** A queued job is cancelled immediately. */
  cancelQueued: { from: "QUEUED", to: "CANCELLED" },
  /** The queue time-out passed before an attempt began. */
  expire: { from: "QUEUED", to: "FAILED" },
  /** The handler reported progress. */
  recordProgress: { from: "RUNNING", to: "RUNNING" },
  /** The owner cancelled a running job. */
  requestCancel: { from: "RUNNING", to: "RUNNING" },
  /** The handler returned a result. */
  succeed: { from: "RUNNING", to: "SUCCEEDED" },
  /** The attempt failed, or its worker was lost, and no attempt is left. */
  fail: { from: "RUNNING", to: "FAILED" },
  /** The attempt failed, or its worker was lost, and another attempt follows. */
  retry: { from: "RUNNING", to: "QUEUED" },
  /** A draining worker or the handler returned the job to the queue, which does not count as a failure. */
  handBack: { from: "RUNNING", to: "QUEUED" },
  /** A cancelled running job has stopped, or its grace period has ended. */
  cancelRunning: { from: "RUNNING", to: "CANCELLED" },
} as const satisfies Readonly<Record<string, StateChange>>;

/** The name of a transition in {@link TRANSITIONS}. */
export type TransitionName = keyof typeof TRANSITIONS;

const LEFT_STATES: ReadonlySet<JobState> = new Set(Object.values(TRANSITIONS).map((transition) => transition.from));

/** The states that are not terminal. */
export const OPEN_STATES: readonly JobState[] = [...LEFT_STATES];

/** True if no transition starts from `state`. */
export function isTerminal(state: JobState): boolean {
  return !LEFT_STATES.has(state);
}
