import { SealwireError } from "../../errors.ts";
import { JOB_STATES, type JobState } from "../../jobs/job.ts";

/** Parses the state of a job, in capitals or not. Throws OPTIONS_INVALID. */
export function jobState(text: string): JobState {
  const state = JOB_STATES.find((each) => each === text.toUpperCase());
  if (state !== undefined) return state;
  throw new SealwireError("OPTIONS_INVALID", `"${text}" is not a job state.\nGive one of ${JOB_STATES.join(", ")}.`);
}
