import type { JobSnapshot } from "../../../client/jobs/job-snapshot.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { jobStates } from "../../input/job-state.ts";
import { openClient } from "../../input/open-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { jobLine } from "../../output/job-json.ts";
import { describeJob } from "../../output/progress-display.ts";
import { shownTime } from "../../output/shown-time.ts";
import { printTable } from "../../output/table.ts";
import type { Terminal } from "../../output/terminal.ts";

interface ListOptions extends ConnectionOptions {
  readonly state?: readonly string[];
  readonly tool?: string;
  readonly limit?: number;
  readonly json?: boolean;
}

const DEFAULT_LIMIT = 50;
const MOST_PER_PAGE = 500;

/** Lists the client's jobs, newest first. */
export async function run(terminal: Terminal, options: ListOptions): Promise<ExitCode> {
  const states = jobStates(options.state);
  await using client = await openClient(terminal, options);
  const limit = options.limit ?? DEFAULT_LIMIT;
  const jobs: JobSnapshot[] = [];
  let pageToken: string | undefined;
  let more = true;
  while (more && jobs.length < limit) {
    const page = await client.listJobs({
      states,
      pageSize: Math.min(limit - jobs.length, MOST_PER_PAGE),
      ...(options.tool !== undefined && { tool: options.tool }),
      ...(pageToken !== undefined && { pageToken }),
    });
    jobs.push(...page.jobs);
    pageToken = page.nextPageToken;
    more = pageToken !== undefined;
  }
  if (options.json) for (const job of jobs) terminal.print(await jobLine(client, job));
  else {
    const rows = jobs.map((job) => row(terminal, job));
    printTable(terminal, ["JOB", "TOOL", "STATE", "CREATED", "ENDED"], rows);
  }
  if (more && limit > 0) terminal.say(`There are more jobs than these ${limit}; give --limit for more.`);
  return ExitCode.done;
}

function row(terminal: Terminal, job: JobSnapshot): string[] {
  const { jobId, tool, createdAtMs, endedAtMs } = job;
  const ended = endedAtMs === undefined ? "-" : shownTime(terminal, endedAtMs);
  return [jobId, tool, describeJob(job), shownTime(terminal, createdAtMs), ended];
}
