import { Any } from "../../../../gen/google/protobuf/any.ts";
import { DescribeJobResponse } from "../../../../gen/sealwire/operator/v1/describe_job.ts";
import { AttemptOutcome, type JobAttempt } from "../../../../gen/sealwire/operator/v1/job_attempt.ts";
import { readJob } from "../../../client/jobs/job-snapshot.ts";
import { errorFromMessage } from "../../../wire/error-message.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { jobLines } from "../../output/job-lines.ts";
import { messageLine } from "../../output/message-json.ts";
import { enumCell, timeCell } from "../../output/operator-text.ts";
import { plainText } from "../../output/plain-text.ts";
import { printTable } from "../../output/table.ts";
import type { Terminal } from "../../output/terminal.ts";

interface JobOptions extends ConnectionOptions {
  readonly payloads?: boolean;
  readonly json?: boolean;
}

const ANY = "google.protobuf.Any";

/** Shows a job of any client with its attempts. The exit code is 0 for every state of the job. */
export async function run(terminal: Terminal, jobId: string, options: JobOptions): Promise<ExitCode> {
  await using operator = await openOperator(terminal, options);
  const answer = await operator.tools.describeJob({ jobId, includePayloads: options.payloads ?? false });
  if (options.json) {
    const bytes = DescribeJobResponse.encode(answer).finish();
    terminal.print(messageLine("sealwire.operator.v1.DescribeJobResponse", bytes));
    return ExitCode.done;
  }
  const { job, attempts } = answer;
  if (job?.job === undefined) return ExitCode.done;
  const print = (name: string, value: string) => terminal.print(`${terminal.dataColors.dim(name.padEnd(9))} ${value}`);
  print("client", plainText(job.clientId));
  for (const [name, value] of jobLines(terminal, readJob(job.job))) print(name, plainText(value));
  for (const [name, payload] of [
    ["arguments", answer.arguments],
    ["result", answer.result],
  ] as const) {
    if (payload !== undefined) print(name, messageLine(ANY, Any.encode(payload).finish()));
  }
  if (attempts.length === 0) return ExitCode.done;
  terminal.print("");
  const rows = attempts.map((attempt) => row(terminal, attempt));
  printTable(terminal, ["ATTEMPT", "INSTANCE", "STARTED", "ENDED", "OUTCOME", "ERROR"], rows);
  return ExitCode.done;
}

function row(terminal: Terminal, { attempt, instance, startTime, endTime, outcome, error }: JobAttempt): string[] {
  return [
    `${attempt}`,
    instance,
    timeCell(terminal, startTime),
    timeCell(terminal, endTime),
    enumCell(AttemptOutcome, outcome),
    error === undefined ? "-" : `${errorFromMessage(error).reason}: ${error.message}`,
  ];
}
