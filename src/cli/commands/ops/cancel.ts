import { CancelAnyJobResponse } from "../../../../gen/sealwire/operator/v1/cancel_any_job.ts";
import { readJob } from "../../../client/jobs/job-snapshot.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { messageLine } from "../../output/message-json.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Cancels a job of any client and prints its state. */
export async function run(
  terminal: Terminal,
  jobId: string,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using operator = await openOperator(terminal, options);
  const answer = await operator.tools.cancelAnyJob({ jobId });
  const state = answer.job?.job && readJob(answer.job.job).state;
  if (options.json) {
    const bytes = CancelAnyJobResponse.encode(answer).finish();
    terminal.print(messageLine("sealwire.operator.v1.CancelAnyJobResponse", bytes));
  } else terminal.print(state ?? "-");
  if (state === "RUNNING") terminal.say(`Cancellation of job ${jobId} was requested; it ends when its tool stops.`);
  else if (state !== "CANCELLED") terminal.say(`Job ${jobId} had already ended.`);
  return ExitCode.done;
}
