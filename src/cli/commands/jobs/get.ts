import type { JobSnapshot } from "../../../client/job-snapshot.ts";
import { formatTime } from "../../../signing/key-ring/json-fields.ts";
import { ExitCode } from "../../exit-code.ts";
import { jobJson } from "../../job-json.ts";
import { toJsonLine } from "../../json-output.ts";
import { openClient } from "../../open-client.ts";
import { plainText } from "../../plain-text.ts";
import type { ServerOptions } from "../../server-options.ts";
import type { Terminal } from "../../terminal.ts";

/** Shows one job and its result, if it has one. Exits 0 whatever became of the job. */
export async function run(
  terminal: Terminal,
  jobId: string,
  options: ServerOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  const handle = client.job(jobId);
  const job = await handle.poll();
  const output = job.state === "SUCCEEDED" ? await (await handle.result()).lenientJson() : undefined;
  if (options.json) {
    terminal.print(toJsonLine({ job: jobJson(job), ...(output !== undefined && { output }) }));
    return ExitCode.done;
  }
  for (const [name, value] of lines(job))
    terminal.print(`${terminal.dataColors.dim(name.padEnd(9))} ${plainText(value)}`);
  if (output !== undefined) terminal.print(`${terminal.dataColors.dim("result".padEnd(9))} ${toJsonLine(output)}`);
  return ExitCode.done;
}

function lines(job: JobSnapshot): [string, string][] {
  const { progress, error } = job;
  const time = (name: string, ms: number | undefined): [string, string][] =>
    ms === undefined ? [] : [[name, formatTime(ms)]];
  return [
    ["job", job.jobId],
    ["tool", job.tool],
    ["request", job.requestId],
    ["state", job.cancelRequested && job.endedAtMs === undefined ? `${job.state}, asked to stop` : job.state],
    ["revision", `${job.revision}`],
    ["attempt", `${job.attempt} of ${job.maxAttempts}`],
    ...time("created", job.createdAtMs),
    ...time("started", job.startedAtMs),
    ...time("ended", job.endedAtMs),
    ...time("forgotten", job.expiresAtMs),
    ...(progress
      ? [["progress", `${progress.completed}/${progress.total || "?"} ${plainText(progress.message)}`]]
      : []),
    ...(error ? [["error", `${error.reason}: ${plainText(error.message)}`]] : []),
  ] as [string, string][];
}
