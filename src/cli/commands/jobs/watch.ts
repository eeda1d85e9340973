import type { ExitCode } from "../../exit-code.ts";
import { followJob } from "../../follow-job.ts";
import { jobJson } from "../../job-json.ts";
import { toJsonLine } from "../../json-output.ts";
import { openClient } from "../../open-client.ts";
import type { ServerOptions } from "../../server-options.ts";
import type { Terminal } from "../../terminal.ts";

interface WatchOptions extends ServerOptions {
  readonly afterRevision?: number;
  readonly json?: boolean;
}

/** Follows a job to its end and prints its result. */
export async function run(terminal: Terminal, jobId: string, options: WatchOptions): Promise<ExitCode> {
  await using client = await openClient(terminal, options);
  return await followJob(terminal, client, {
    jobId,
    server: options,
    ...(options.afterRevision !== undefined && { afterRevision: options.afterRevision }),
    ...(options.json && {
      onState: (job, output) =>
        terminal.print(toJsonLine({ job: jobJson(job), ...(output !== undefined && { output }) })),
    }),
  });
}
