import type { JobSnapshot } from "../../../client/jobs/job-snapshot.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openClient } from "../../input/open-client.ts";
import { attemptLines } from "../../output/attempt-lines.ts";
import { detailsJson } from "../../output/error-details.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { jobLine } from "../../output/job-json.ts";
import { toJsonLine } from "../../output/json-output.ts";
import { plainText } from "../../output/plain-text.ts";
import { shownTimeInFull } from "../../output/shown-time.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Shows a job and its result, if it has one. The exit code is 0 for every state of the job. */
export async function run(
  terminal: Terminal,
  jobId: string,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  const handle = client.job(jobId);
  const job = await handle.poll({ includeAttempts: true });
  const output = job.state === "SUCCEEDED" ? await handle.result() : undefined;
  if (options.json) {
    terminal.print(await jobLine(client, job, output));
    return ExitCode.done;
  }
  const print = (name: string, value: string) => terminal.print(`${terminal.dataColors.dim(name.padEnd(9))} ${value}`);
  for (const [name, value] of lines(terminal, job)) print(name, plainText(value));
  for (const [name, value] of attemptLines(terminal, job.attempts)) print(name, plainText(value));
  for (const detail of await detailsJson(client, job.error?.details ?? [])) print("detail", toJsonLine(detail));
  if (output !== undefined) print("result", toJsonLine(await output.lenientJson()));
  return ExitCode.done;
}

function lines(terminal: Terminal, job: JobSnapshot): [string, string][] {
  const { progress, error } = job;
  const time = (name: string, ms: number | undefined): [string, string][] =>
    ms === undefined ? [] : [[name, shownTimeInFull(terminal, ms)]];
  return [
    ["job", job.jobId],
    ["tool", job.tool],
    ["request", job.requestId],
    ["state", job.cancelRequested && job.endedAtMs === undefined ? `${job.state}, cancel requested` : job.state],
    ["revision", `${job.revision}`],
    ["attempt", `${job.attempt} of ${job.maxAttempts}`],
    ...time("created", job.createdAtMs),
    ...time("started", job.startedAtMs),
    ...time("ended", job.endedAtMs),
    ...time("expires", job.expiresAtMs),
    ...(progress
      ? [["progress", `${progress.completed}/${progress.total || "?"} ${plainText(progress.message)}`]]
      : []),
    ...(error ? [["error", `${error.reason}: ${plainText(error.message)}`]] : []),
  ] as [string, string][];
}
