import { CancelAnyJobResponse } from "../../../gen/sealwire/operator/v1/cancel_any_job.ts";
import type { OperatorJob } from "../../../gen/sealwire/operator/v1/operator_job.ts";
import { JobState } from "../../../gen/sealwire/v1/job.ts";
import { SealwireError } from "../../errors.ts";
import type { OperatorClient } from "../input/operator-client.ts";
import { Interrupt } from "../interrupt.ts";
import { ExitCode } from "./exit-code.ts";
import { messageLine } from "./message-json.ts";
import type { Terminal } from "./terminal.ts";

/** Number of calls at once. */
const PARALLEL = 8;

/** What became of cancelled jobs. */
type Counts = Record<"cancelled" | "stopping" | "ended", number>;

/**
 * Cancels jobs, newest first as they were listed, each by a call of its own, and prints their numbers; with `json` each
 * answer. Queued jobs come first, those that would start next before the others, so that none starts in the place of one
 * that was stopped. Ctrl-C ends it between two calls.
 */
export async function cancelJobs(
  terminal: Terminal,
  operator: OperatorClient,
  { jobs, json }: { readonly jobs: readonly OperatorJob[]; readonly json: boolean },
): Promise<ExitCode> {
  using interrupt = new Interrupt();
  const left = inOrder(jobs);
  const counts: Counts = { cancelled: 0, stopping: 0, ended: 0 };
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let jobId = left.shift(); jobId !== undefined; jobId = left.shift()) {
      if (interrupt.signal.aborted || failures.length > 0) return;
      try {
        const answer = await cancel(operator, jobId);
        counts[kindOf(answer)] += 1;
        if (json && answer !== undefined) {
          const bytes = CancelAnyJobResponse.encode(answer).finish();
          terminal.print(messageLine("sealwire.operator.v1.CancelAnyJobResponse", bytes));
        }
      } catch (thrown) {
        failures.push(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  const done = counts.cancelled + counts.stopping + counts.ended;
  const summary = `${counts.cancelled} cancelled, ${counts.stopping} told to stop, ${counts.ended} had already ended.`;
  if (json) terminal.say(summary);
  else terminal.print(summary);
  if (done === jobs.length) return ExitCode.done;
  terminal.say(`${jobs.length - done} of ${jobs.length} jobs were left; run the same command again for them.`);
  if (failures.length > 0) throw failures[0];
  return ExitCode.interrupted;
}

/** `undefined` for a job that is no longer in the store. */
async function cancel({ tools }: OperatorClient, jobId: string): Promise<CancelAnyJobResponse | undefined> {
  try {
    return await tools.cancelAnyJob({ jobId });
  } catch (thrown) {
    if (thrown instanceof SealwireError && thrown.reason === "JOB_NOT_FOUND") return undefined;
    throw thrown;
  }
}

function kindOf(answer: CancelAnyJobResponse | undefined): keyof Counts {
  const state = answer?.job?.job?.state;
  if (state === JobState.CANCELLED) return "cancelled";
  return state === JobState.RUNNING ? "stopping" : "ended";
}

/** Ids of the queued jobs, oldest first, then of those that run. */
function inOrder(jobs: readonly OperatorJob[]): string[] {
  const oldestFirst = jobs.flatMap(({ job }) => job ?? []).reverse();
  const isQueued = ({ state }: { readonly state: JobState }): boolean => state === JobState.QUEUED;
  const queued = oldestFirst.filter(isQueued);
  return [...queued, ...oldestFirst.filter((job) => !isQueued(job))].map(({ jobId }) => jobId);
}
