import type { JobAttempt } from "../../client/jobs/job-snapshot.ts";
import { shownTimeInFull } from "./shown-time.ts";
import type { Terminal } from "./terminal.ts";

/**
 * What is shown of the attempts of a job, newest first: names and values. Nothing for a single one, which the lines of
 * the job describe.
 */
export function attemptLines(terminal: Terminal, attempts: readonly JobAttempt[] = []): readonly [string, string][] {
  if (attempts.length < 2) return [];
  return attempts.map(({ attempt, startedAtMs, endedAtMs, outcome, error }) => {
    const took = endedAtMs === undefined ? "" : `, took ${(endedAtMs - startedAtMs) / 1_000} s`;
    const why = error === undefined ? "" : `: ${error.reason}: ${error.message}`;
    const how = outcome ?? (endedAtMs === undefined ? "RUNNING" : "ended");
    return [`attempt ${attempt}`, `${how}, started ${shownTimeInFull(terminal, startedAtMs)}${took}${why}`];
  });
}
