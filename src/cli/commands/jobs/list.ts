import type { JobSnapshot } from "../../../client/job-snapshot.ts";
import { SealwireError } from "../../../errors.ts";
import type { JobState } from "../../../jobs/job.ts";
import { formatTime } from "../../../signing/key-ring/json-fields.ts";
import { ExitCode } from "../../exit-code.ts";
import { jobJson } from "../../job-json.ts";
import { toJsonLine } from "../../json-output.ts";
import { openClient } from "../../open-client.ts";
import type { ServerOptions } from "../../server-options.ts";
import { printTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";

interface ListOptions extends ServerOptions {
  readonly state?: readonly string[];
  readonly tool?: string;
  readonly limit?: number;
  readonly json?: boolean;
}

const STATES: readonly JobState[] = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];
const DEFAULT_LIMIT = 50;
const MOST_PER_PAGE = 500;

/** Lists the client's jobs, newest first. */
export async function run(terminal: Terminal, options: ListOptions): Promise<ExitCode> {
  const states = (options.state ?? []).map(readState);
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
  if (options.json) for (const job of jobs) terminal.print(toJsonLine(jobJson(job)));
  else printTable(terminal, ["JOB", "TOOL", "STATE", "PROGRESS", "ATTEMPT", "CREATED", "ENDED"], jobs.map(row));
  if (more && limit > 0) terminal.say(`There are more jobs than these ${limit}; give --limit for more.`);
  return ExitCode.done;
}

function row({ jobId, tool, state, progress, attempt, maxAttempts, createdAtMs, endedAtMs }: JobSnapshot): string[] {
  const done = progress === undefined ? "-" : `${progress.completed}/${progress.total || "?"}`;
  const ended = endedAtMs === undefined ? "-" : formatTime(endedAtMs);
  return [jobId, tool, state, done, `${attempt}/${maxAttempts}`, formatTime(createdAtMs), ended];
}

function readState(text: string): JobState {
  const state = STATES.find((each) => each === text.toUpperCase());
  if (state !== undefined) return state;
  throw new SealwireError("OPTIONS_INVALID", `"${text}" is no state of a job.\nGive one of ${STATES.join(", ")}.`);
}
