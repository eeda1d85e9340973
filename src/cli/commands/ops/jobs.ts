import { OperatorJob } from "../../../../gen/sealwire/operator/v1/operator_job.ts";
import { readJob, stateNumber } from "../../../client/jobs/job-snapshot.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { jobState } from "../../input/job-state.ts";
import { openOperator, readPages } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { printList } from "../../output/operator-list.ts";
import { optionalTime, sayMore, timeCell } from "../../output/operator-text.ts";
import { describeJob } from "../../output/progress-display.ts";
import type { Terminal } from "../../output/terminal.ts";

interface JobsOptions extends ConnectionOptions {
  readonly state?: readonly string[];
  readonly tool?: string;
  readonly client?: string;
  readonly since?: number;
  readonly before?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

const DEFAULT_LIMIT = 50;

/** Lists the jobs of all clients, newest first. */
export async function run(terminal: Terminal, options: JobsOptions): Promise<ExitCode> {
  const { tool = "", client: clientId = "", since, before, limit = DEFAULT_LIMIT } = options;
  const states = (options.state ?? []).map((text) => stateNumber(jobState(text)));
  await using operator = await openOperator(terminal, options);
  const { items, more } = await readPages({ limit, pageMost: 500 }, async (page) => {
    const times = { since: optionalTime(since), before: optionalTime(before) };
    const answer = await operator.tools.listAllJobs({ states, tool, clientId, ...times, ...page });
    return { items: answer.jobs, nextPageToken: answer.nextPageToken };
  });
  const list = {
    ...{ items, type: "sealwire.operator.v1.OperatorJob", encode: OperatorJob.encode },
    headings: ["JOB", "CLIENT", "TOOL", "STATE", "CREATED", "ENDED"],
    row: (job: OperatorJob) => row(terminal, job),
  };
  printList(terminal, list, options.json);
  if (more) sayMore(terminal, "jobs", limit);
  return ExitCode.done;
}

function row(terminal: Terminal, { clientId, job }: OperatorJob): string[] {
  if (job === undefined) return [];
  const { jobId, tool, createTime, endTime } = job;
  return [
    jobId,
    clientId,
    tool,
    describeJob(readJob(job)),
    timeCell(terminal, createTime),
    timeCell(terminal, endTime),
  ];
}
