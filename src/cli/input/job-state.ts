import { SealwireError } from "../../errors.ts";
import { JOB_STATES, type JobState } from "../../jobs/job.ts";

/** The states that the option `--state` names; none means all. Throws OPTIONS_INVALID, also for an option with none. */
export function jobStates(texts: readonly string[] | undefined): readonly JobState[] {
  if (texts?.length !== 0) return (texts ?? []).map(jobState);
  throw new SealwireError("OPTIONS_INVALID", "--state names no job state.\nLeave the option out for all.");
}

/** Parses the state of a job, in capitals or not. */
function jobState(text: string): JobState {
  const state = JOB_STATES.find((each) => each === text.toUpperCase());
  if (state !== undefined) return state;
  throw new SealwireError("OPTIONS_INVALID", `"${text}" is not a job state.\nGive one of ${JOB_STATES.join(", ")}.`);
}
