import { CancelAnyJobResponse } from "../../../../gen/sealwire/operator/v1/cancel_any_job.ts";
import { readJob } from "../../../client/jobs/job-snapshot.ts";
import { SealwireError } from "../../../errors.ts";
import type { JobState } from "../../../jobs/job.ts";
import { OPEN_STATES } from "../../../jobs/transitions.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { jobStates } from "../../input/job-state.ts";
import { type OperatorClient, openOperator } from "../../input/operator-client.ts";
import { type JobSelection, readOperatorJobs } from "../../input/operator-jobs.ts";
import { cancelJobs } from "../../output/cancel-jobs.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { messageLine } from "../../output/message-json.ts";
import { printOperatorJobs } from "../../output/operator-jobs.ts";
import type { Terminal } from "../../output/terminal.ts";

/** The options of `ops cancel`. All but `json` belong to the cancellation of several jobs. */
interface CancelOptions extends ConnectionOptions, JobSelection {
  readonly limit?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const DEFAULT_LIMIT = 1_000;

/** Cancels a job of any client, or all open jobs that the options select. */
export async function run(terminal: Terminal, jobId: string | undefined, options: CancelOptions): Promise<ExitCode> {
  checkUse(jobId, options);
  const states = openStates(options);
  await using operator = await openOperator(terminal, options);
  return jobId === undefined
    ? await cancelSelected(terminal, operator, { ...options, states })
    : await cancelOne(terminal, operator, { jobId, json: options.json ?? false });
}

async function cancelOne(
  terminal: Terminal,
  { tools }: OperatorClient,
  { jobId, json }: { readonly jobId: string; readonly json: boolean },
): Promise<ExitCode> {
  const answer = await tools.cancelAnyJob({ jobId });
  const state = answer.job?.job && readJob(answer.job.job).state;
  if (json) {
    const bytes = CancelAnyJobResponse.encode(answer).finish();
    terminal.print(messageLine("sealwire.operator.v1.CancelAnyJobResponse", bytes));
  } else terminal.print(state ?? "-");
  if (state === "RUNNING") terminal.say(`Cancellation of job ${jobId} was requested; it ends when its tool stops.`);
  else if (state !== "CANCELLED") terminal.say(`Job ${jobId} had already ended.`);
  return ExitCode.done;
}

async function cancelSelected(
  terminal: Terminal,
  operator: OperatorClient,
  options: CancelOptions & { readonly states: readonly JobState[] },
): Promise<ExitCode> {
  const { states, limit = DEFAULT_LIMIT, dryRun = false, yes = false, json = false } = options;
  const { items, more } = await readOperatorJobs(operator, options, { states, limit });
  const fit = `${more ? "More than " : ""}${items.length} open job${items.length === 1 ? " fits" : "s fit"}`;
  if (dryRun) {
    printOperatorJobs(terminal, items, json);
    terminal.say(`${fit}; none was cancelled. Give --yes in place of --dry-run to cancel${more ? " these" : ""}.`);
    return ExitCode.done;
  }
  if (!yes && items.length > 0) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `${fit}; none was cancelled.\nGive --yes to cancel, or --dry-run to see them.`,
    );
  }
  const code = await cancelJobs(terminal, operator, { jobs: items, json });
  if (more) terminal.say(`There are more open jobs than these ${limit}; run the command again, or give --limit.`);
  return code;
}

/** The states of jobs to cancel: those that an option names, by default both that are not ended. */
function openStates(options: CancelOptions): readonly JobState[] {
  const states = jobStates(options.state);
  const ended = states.find((state) => !OPEN_STATES.includes(state));
  if (ended === undefined) return states.length === 0 ? OPEN_STATES : states;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `A job in the state ${ended} has ended.\nGive --state ${OPEN_STATES.join(" or ")}, or leave it out for both.`,
  );
}

/** Jobs are selected by more than their state, because all open jobs of all clients are never meant by mistake. */
function checkUse(jobId: string | undefined, options: CancelOptions): void {
  const { state, tool, client, since, before, limit, dryRun, yes } = options;
  const narrowing = { "--client": client, "--tool": tool, "--since": since, "--before": before };
  if (jobId !== undefined) {
    const others = { "--state": state, "--limit": limit, "--dry-run": dryRun, "--yes": yes };
    const [name] = Object.entries({ ...narrowing, ...others }).find(([, value]) => value !== undefined) ?? [];
    if (name === undefined) return;
    throw new SealwireError("OPTIONS_INVALID", `${name} cannot be combined with a job id.\nLeave one of them out.`);
  }
  if (Object.values(narrowing).some((value) => value !== undefined)) return;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `No job to cancel is given.\nGive a job id, or select jobs by ${Object.keys(narrowing).join(", ")}.`,
  );
}
