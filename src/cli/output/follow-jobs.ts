import type { SealwireClient } from "../../client/client.ts";
import type { JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import type { WatchJobsOptions } from "../../client/jobs/watch-jobs.ts";
import { Interrupt } from "../interrupt.ts";
import { ExitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

/** Prints a line for each new state of any of the client's jobs, until Ctrl-C. */
export async function followJobs(
  terminal: Terminal,
  client: SealwireClient,
  selection: Pick<WatchJobsOptions, "tool" | "endedSinceMs">,
  toLine: (job: JobSnapshot) => string | Promise<string>,
): Promise<ExitCode> {
  using interrupt = new Interrupt();
  const { signal } = interrupt;
  try {
    for await (const job of client.watchJobs({ ...selection, signal })) terminal.print(await toLine(job));
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
  return ExitCode.interrupted;
}
