import { type Noted, type Of, of } from "./history.ts";

const RETURNED: ReadonlySet<string> = new Set(["FAILED", "LOST", "HANDED_BACK"]);
const COUNTED: ReadonlySet<string> = new Set(["FAILED", "LOST"]);

/**
 * Checks the record of attempts of every job at rest: it has each attempt of the job once, each of them has ended, only
 * the last one ended the job, and the failed ones are as many as the job counts.
 */
export function attemptsRecorded(history: readonly Noted[]): string[] {
  return of(history, "at rest").flatMap((rest) => {
    const wrong = wrongRecord(rest);
    return wrong === undefined ? [] : [`${rest.jobId}: ${wrong}`];
  });
}

function wrongRecord({ state, attempt, failures, attempts }: Of<"at rest">): string | undefined {
  const numbers = attempts.map((each) => each.attempt).join(" ");
  const expected = Array.from({ length: attempt }, (_, index) => attempt - index).join(" ");
  if (numbers !== expected) return `its record has the attempts "${numbers}" instead of "${expected}"`;
  for (const { attempt: number, startedAtMs, endedAtMs } of attempts) {
    if (endedAtMs === undefined) return `its attempt ${number} is recorded as running, but it is ${state}`;
    if (endedAtMs < startedAtMs) return `its attempt ${number} is recorded to have ended before it started`;
  }
  const [last, ...earlier] = attempts.map(({ outcome }) => outcome ?? "none");
  const strange = earlier.find((outcome) => !RETURNED.has(outcome));
  if (strange !== undefined) return `an attempt before its last one is recorded as ${strange}`;
  if (last !== undefined && last !== state && (state === "SUCCEEDED" || !RETURNED.has(last))) {
    return `it is ${state}, and its last attempt is recorded as ${last}`;
  }
  if (last === undefined && state === "SUCCEEDED") return "it succeeded without an attempt";
  const counted = attempts.filter(({ outcome }) => COUNTED.has(outcome ?? "")).length;
  return counted === failures ? undefined : `it has ${failures} failures, and ${counted} are in its record`;
}
