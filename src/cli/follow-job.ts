import type { JsonValue } from "@bufbuild/protobuf";
import type { SealwireClient } from "../client/client.ts";
import { errorOfJob, type JobSnapshot } from "../client/job-snapshot.ts";
import { shellQuote } from "../signing/key-ring/shell-quote.ts";
import { ExitCode } from "./exit-code.ts";
import { reportFailure } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { JobProgress } from "./job-progress.ts";
import { toJsonLine } from "./json-output.ts";
import { type ServerOptions, sameServerOptions } from "./server-options.ts";
import type { Terminal } from "./terminal.ts";

/** Which job to follow, and what to do with what comes. */
export interface FollowOptions {
  readonly jobId: string;
  readonly afterRevision?: number;
  /** How the server was found, for the command that takes the job up again. */
  readonly server: ServerOptions;
  /** Told each state and, with the last, the result. Default: the result alone is printed. */
  readonly onState?: (job: JobSnapshot, output: JsonValue | undefined) => void;
}

/** Follows a job to its end with progress on stderr and its result on stdout. Ctrl-C stops following, not the job. */
export async function followJob(
  terminal: Terminal,
  client: SealwireClient,
  { jobId, afterRevision = 0, server, onState }: FollowOptions,
): Promise<ExitCode> {
  const handle = client.job(jobId);
  using interrupt = new Interrupt();
  const { signal } = interrupt;
  try {
    using progress = new JobProgress(terminal);
    for await (const job of handle.watch({ afterRevision, signal })) {
      progress.show(job);
      if (job.endedAtMs === undefined) onState?.(job, undefined);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    terminal.say(`Detached: job ${jobId} goes on. To take it up again:`);
    terminal.say(`  ${["sealwire", "jobs", "watch", jobId, ...sameServerOptions(server)].map(shellQuote).join(" ")}`);
    return ExitCode.interrupted;
  }
  const job = handle.latest;
  const error = job && errorOfJob(job);
  const output = error === undefined ? await (await handle.result()).json() : undefined;
  if (onState === undefined) {
    if (output !== undefined) terminal.print(toJsonLine(output));
  } else if (job !== undefined) onState(job, output);
  if (error === undefined) return ExitCode.done;
  reportFailure(terminal, error);
  return ExitCode.failed;
}
