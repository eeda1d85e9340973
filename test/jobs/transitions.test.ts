import fc from "fast-check";
import type { JobState } from "../../src/jobs/job.ts";
import { INITIAL_STATE, isTerminal, TRANSITIONS, type TransitionName } from "../../src/jobs/transitions.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("jobs/transitions");

const NAMES = Object.keys(TRANSITIONS) as TransitionName[];
const TERMINAL: readonly JobState[] = ["SUCCEEDED", "FAILED", "CANCELLED"];

/** The state after a transition; a transition from elsewhere changes nothing, as in the engines' statements. */
function take(state: JobState, name: TransitionName): JobState {
  const { from, to } = TRANSITIONS[name];
  return state === from ? to : state;
}

test("SUCCEEDED, FAILED and CANCELLED are the terminal states", () => {
  const states: JobState[] = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];
  assert.equal(states.filter(isTerminal), TERMINAL);
});

test("a new job is queued", () => {
  assert.is(INITIAL_STATE, "QUEUED");
});

test("no state leaves a terminal one, whatever is tried in whatever order", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...NAMES), { maxLength: 50 }), (names) => {
      let state: JobState = INITIAL_STATE;
      for (const name of names) {
        const next = take(state, name);
        if (isTerminal(state)) assert.is(next, state);
        state = next;
      }
    }),
  );
});

test("a job ends only in what its outcome says", () => {
  const into = (state: JobState) => NAMES.filter((name) => TRANSITIONS[name].to === state);
  assert.equal(into("SUCCEEDED"), ["succeed"]);
  assert.equal(into("FAILED"), ["expire", "fail"]);
  assert.equal(into("CANCELLED"), ["cancelQueued", "cancelRunning"]);
});

test("from every state that is not terminal each terminal one can be reached", () => {
  const reach = (from: JobState): Set<JobState> => {
    const found = new Set<JobState>([from]);
    for (const state of found) for (const name of NAMES) found.add(take(state, name));
    return found;
  };
  for (const state of ["QUEUED", "RUNNING"] as const) for (const end of TERMINAL) assert.ok(reach(state).has(end));
});

test.run();
