import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openClient } from "../../input/open-client.ts";
import { detailsJson } from "../../output/error-details.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { jobLine } from "../../output/job-json.ts";
import { jobLines } from "../../output/job-lines.ts";
import { toJsonLine } from "../../output/json-output.ts";
import { plainText } from "../../output/plain-text.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Shows a job and its result, if it has one. The exit code is 0 for every state of the job. */
export async function run(
  terminal: Terminal,
  jobId: string,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  const handle = client.job(jobId);
  const job = await handle.poll();
  const output = job.state === "SUCCEEDED" ? await handle.result() : undefined;
  if (options.json) {
    terminal.print(await jobLine(client, job, output));
    return ExitCode.done;
  }
  const print = (name: string, value: string) => terminal.print(`${terminal.dataColors.dim(name.padEnd(9))} ${value}`);
  for (const [name, value] of jobLines(terminal, job)) print(name, plainText(value));
  for (const detail of await detailsJson(client, job.error?.details ?? [])) print("detail", toJsonLine(detail));
  if (output !== undefined) print("result", toJsonLine(await output.lenientJson()));
  return ExitCode.done;
}
