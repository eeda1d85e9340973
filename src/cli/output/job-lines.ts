import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { plainText } from "./plain-text.ts";
import { shownTimeInFull } from "./shown-time.ts";
import type { Terminal } from "./terminal.ts";

/** What is shown of one job: names and values. */
export function jobLines(terminal: Terminal, job: JobSnapshot): readonly (readonly [string, string])[] {
  const { progress, error } = job;
  const time = (name: string, ms: number | undefined): [string, string][] =>
    ms === undefined ? [] : [[name, shownTimeInFull(terminal, ms)]];
  return [
    ["job", job.jobId],
    ["tool", job.tool],
    ["request", job.requestId],
    ...(job.traceId === undefined ? [] : ([["trace", job.traceId]] as const)),
    ["state", job.cancelRequested && job.endedAtMs === undefined ? `${job.state}, cancel requested` : job.state],
    ["revision", `${job.revision}`],
    ["attempt", `${job.attempt} of ${job.maxAttempts}`],
    ...time("created", job.createdAtMs),
    ...time("started", job.startedAtMs),
    ...time("ended", job.endedAtMs),
    ...time("expires", job.expiresAtMs),
    ...(progress
      ? ([["progress", `${progress.completed}/${progress.total || "?"} ${plainText(progress.message)}`]] as const)
      : []),
    ...(error ? ([["error", `${error.reason}: ${plainText(error.message)}`]] as const) : []),
  ];
}
