import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openClient } from "../../input/open-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { jobLine } from "../../output/job-json.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Cancels a job and prints its state. */
export async function run(
  terminal: Terminal,
  jobId: string,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  const handle = client.job(jobId);
  const job = await handle.cancel();
  if (options.json) {
    const output = job.state === "SUCCEEDED" ? await handle.result() : undefined;
    terminal.print(await jobLine(client, job, output));
  } else terminal.print(job.state);
  if (job.state === "RUNNING") terminal.say(`Cancellation of job ${jobId} was requested; it ends when its tool stops.`);
  else if (job.state !== "CANCELLED") terminal.say(`Job ${jobId} had already ended.`);
  return ExitCode.done;
}
