import type { JobState } from "./job.ts";

interface Transition {
  readonly from: JobState;
  readonly to: JobState;
}

/** The state of a new job. */
export const INITIAL_STATE = "QUEUED" satisfies JobState;

/**
 * Every change a job can go through. This table alone says which state may follow which; the statements of
 * the engines are written from it. Each change raises the job's revision.
 */
export const TRANSITIONS = {
  /** A worker takes the job and counts an attempt. */
  claim: { from: "QUEUED", to: "RUNNING" },
  /** A queued job is cancelled at once. */
  cancelQueued: { from: "QUEUED", to: "CANCELLED" },
  /** The queue time-out passed before the first attempt. */
  expire: { from: "QUEUED", to: "FAILED" },
  /** The handler reported how far it is. */
  recordProgress: { from: "RUNNING", to: "RUNNING" },
  /** The owner asked a running job to stop. */
  requestCancel: { from: "RUNNING", to: "RUNNING" },
  /** The handler returned a result. */
  succeed: { from: "RUNNING", to: "SUCCEEDED" },
  /** The attempt failed, or its worker was lost, and no other follows. */
  fail: { from: "RUNNING", to: "FAILED" },
  /** The attempt failed, or its worker was lost, and another follows. */
  retry: { from: "RUNNING", to: "QUEUED" },
  /** A draining worker gives the job back; that is no failure. */
  handBack: { from: "RUNNING", to: "QUEUED" },
  /** A running job that was asked to stop has stopped, or was cut off. */
  cancelRunning: { from: "RUNNING", to: "CANCELLED" },
} as const satisfies Readonly<Record<string, Transition>>;

/** Names a change of {@link TRANSITIONS}. */
export type TransitionName = keyof typeof TRANSITIONS;

const LEFT_STATES: ReadonlySet<JobState> = new Set(Object.values(TRANSITIONS).map((transition) => transition.from));

/** True if no change leads out of `state`. */
export function isTerminal(state: JobState): boolean {
  return !LEFT_STATES.has(state);
}
