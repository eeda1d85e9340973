import type { ToolOutput } from "../../client/calls/tool-output.ts";
import type { SealwireClient } from "../../client/client.ts";
import { errorOfJob, type JobSnapshot } from "../../client/jobs/job-snapshot.ts";
import { SealwireError } from "../../errors.ts";
import { shellQuote } from "../../files/shell-quote.ts";
import { isTerminal } from "../../jobs/transitions.ts";
import { type ConnectionOptions, sameServerOptions } from "../input/connection-options.ts";
import { Interrupt } from "../interrupt.ts";
import { reportCallFailure } from "./error-details.ts";
import { EXIT_CODES, ExitCode } from "./exit-code.ts";
import { reportFailure } from "./failure.ts";
import { toJsonLine } from "./json-output.ts";
import { ProgressDisplay } from "./progress-display.ts";
import type { Terminal } from "./terminal.ts";

/** Options of {@link followJob}. */
export interface FollowJobOptions {
  readonly jobId: string;
  readonly afterRevision?: number;
  /** The options that selected the server, for the suggested command. */
  readonly server: ConnectionOptions;
  /** Called with each state and, for the last one, the result. Default: prints the result only. */
  readonly onState?: (job: JobSnapshot, output: ToolOutput | undefined) => Promise<void>;
}

/** Watches a job to its end, with progress on stderr and its result on stdout. Ctrl-C ends the watch, not the job. */
export async function followJob(
  terminal: Terminal,
  client: SealwireClient,
  { jobId, afterRevision = 0, server, onState }: FollowJobOptions,
): Promise<ExitCode> {
  const handle = client.job(jobId);
  using interrupt = new Interrupt();
  const { signal } = interrupt;
  try {
    using progress = new ProgressDisplay(terminal);
    for await (const job of handle.watch({ afterRevision, signal })) {
      progress.show(job);
      if (!isTerminal(job.state)) await onState?.(job, undefined);
    }
  } catch (thrown) {
    const lost = thrown instanceof SealwireError && EXIT_CODES[thrown.reason] === ExitCode.unreachable;
    if (!signal.aborted && !lost) throw thrown;
    terminal.say(
      `${lost ? "Lost the connection to" : "Detached from"} job ${jobId}; it keeps running. To watch it again:`,
    );
    terminal.say(`  ${["sealwire", "jobs", "watch", jobId, ...sameServerOptions(server)].map(shellQuote).join(" ")}`);
    return lost ? reportFailure(terminal, thrown) : ExitCode.interrupted;
  }
  const job = handle.latest;
  const error = job && errorOfJob(job);
  const output = error === undefined ? await handle.result() : undefined;
  if (onState === undefined) {
    if (output !== undefined) terminal.print(toJsonLine(await output.lenientJson()));
  } else if (job !== undefined) await onState(job, output);
  if (error === undefined) return ExitCode.done;
  await reportCallFailure(terminal, client, error);
  return ExitCode.failed;
}
