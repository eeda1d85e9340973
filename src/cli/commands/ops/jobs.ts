import type { ConnectionOptions } from "../../input/connection-options.ts";
import { jobStates } from "../../input/job-state.ts";
import { openOperator } from "../../input/operator-client.ts";
import { type JobSelection, readOperatorJobs } from "../../input/operator-jobs.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { printOperatorJobs } from "../../output/operator-jobs.ts";
import { sayMore } from "../../output/operator-text.ts";
import type { Terminal } from "../../output/terminal.ts";

interface JobsOptions extends ConnectionOptions, JobSelection {
  readonly limit?: number;
  readonly json?: boolean;
}

const DEFAULT_LIMIT = 50;

/** Lists the jobs of all clients, newest first. */
export async function run(terminal: Terminal, options: JobsOptions): Promise<ExitCode> {
  const { limit = DEFAULT_LIMIT, json = false } = options;
  const states = jobStates(options.state);
  await using operator = await openOperator(terminal, options);
  const { items, more } = await readOperatorJobs(operator, options, { states, limit });
  printOperatorJobs(terminal, items, json);
  if (more) sayMore(terminal, "jobs", limit);
  return ExitCode.done;
}
