import { ExitCode } from "../../exit-code.ts";
import { jobJson } from "../../job-json.ts";
import { toJsonLine } from "../../json-output.ts";
import { openClient } from "../../open-client.ts";
import type { ServerOptions } from "../../server-options.ts";
import type { Terminal } from "../../terminal.ts";

/** Asks a job to stop and prints the state that this left it in. */
export async function run(
  terminal: Terminal,
  jobId: string,
  options: ServerOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  const job = await client.job(jobId).cancel();
  terminal.print(options.json ? toJsonLine(jobJson(job)) : job.state);
  if (job.state === "RUNNING") terminal.say(`Job ${jobId} was asked to stop; it ends as soon as its tool notices.`);
  else if (job.state !== "CANCELLED") terminal.say(`Job ${jobId} had already ended.`);
  return ExitCode.done;
}
