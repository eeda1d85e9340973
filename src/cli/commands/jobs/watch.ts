import type { SealwireClient } from "../../../client/client.ts";
import { SealwireError } from "../../../errors.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openClient } from "../../input/open-client.ts";
import type { ExitCode } from "../../output/exit-code.ts";
import { followJob } from "../../output/follow-job.ts";
import { followJobs } from "../../output/follow-jobs.ts";
import { jobLine } from "../../output/job-json.ts";
import { describeJob } from "../../output/progress-display.ts";
import type { Terminal } from "../../output/terminal.ts";

interface WatchCommandOptions extends ConnectionOptions {
  readonly all?: boolean;
  readonly afterRevision?: number;
  readonly tool?: string;
  readonly endedSince?: number;
  readonly json?: boolean;
}

/** Watches a job to its end and prints its result, or watches all of the client's jobs. */
export async function run(
  terminal: Terminal,
  jobId: string | undefined,
  options: WatchCommandOptions,
): Promise<ExitCode> {
  checkUse(jobId, options);
  await using client = await openClient(terminal, options);
  if (jobId === undefined) return await watchAll(terminal, client, options);
  return await followJob(terminal, client, {
    jobId,
    server: options,
    ...(options.afterRevision !== undefined && { afterRevision: options.afterRevision }),
    ...(options.json && {
      onState: async (job, output) => terminal.print(await jobLine(client, job, output)),
    }),
  });
}

async function watchAll(
  terminal: Terminal,
  client: SealwireClient,
  { tool, endedSince, json }: WatchCommandOptions,
): Promise<ExitCode> {
  const selection = {
    ...(tool !== undefined && { tool }),
    ...(endedSince !== undefined && { endedSinceMs: endedSince }),
  };
  return await followJobs(terminal, client, selection, (job) =>
    json ? jobLine(client, job) : `${job.jobId} ${job.tool} ${describeJob(job)}`,
  );
}

/** Watching all jobs requires --all, because a job id may be missing by mistake. */
function checkUse(jobId: string | undefined, { all, afterRevision, tool, endedSince }: WatchCommandOptions): void {
  if ((jobId === undefined) !== (all === true)) {
    throw new SealwireError("OPTIONS_INVALID", "No job to watch is given.\nGive a job id, or --all.");
  }
  const misplaced = all ? { "--after-revision": afterRevision } : { "--tool": tool, "--ended-since": endedSince };
  for (const [name, value] of Object.entries(misplaced)) {
    if (value === undefined) continue;
    const remedy = all ? "Leave it out, or give a job id in place of --all." : "Leave it out, or give --all.";
    throw new SealwireError(
      "OPTIONS_INVALID",
      `${name} cannot be combined with ${all ? "--all" : "a job id"}.\n${remedy}`,
    );
  }
}
