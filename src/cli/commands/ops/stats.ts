import {
  type CallPeriod,
  type JobCount,
  type ReasonCount,
  ServerStatsResponse,
} from "../../../../gen/sealwire/operator/v1/server_stats.ts";
import { JobState } from "../../../../gen/sealwire/v1/job.ts";
import { describeSpan } from "../../../runtime/time-span.ts";
import { toDurationMs, toTimeMs } from "../../../wire/duration.ts";
import type { ConnectionOptions } from "../../input/connection-options.ts";
import { openOperator } from "../../input/operator-client.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { messageLine } from "../../output/message-json.ts";
import { plainText } from "../../output/plain-text.ts";
import { shownTimeInFull } from "../../output/shown-time.ts";
import { printTable } from "../../output/table.ts";
import type { Terminal } from "../../output/terminal.ts";

const PERIOD_S = 10;
/** Periods of the shown rate: one minute. */
const RATE_PERIODS = 6;
const STATES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;

/** Shows the calls of the server that answers, and the jobs of all. */
export async function run(
  terminal: Terminal,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using operator = await openOperator(terminal, options);
  const answer = await operator.tools.serverStats({});
  if (options.json) {
    const bytes = ServerStatsResponse.encode(answer).finish();
    terminal.print(messageLine("sealwire.operator.v1.ServerStatsResponse", bytes));
    return ExitCode.done;
  }
  for (const [name, value] of lines(terminal, answer))
    terminal.print(`${terminal.dataColors.dim(name.padEnd(15))} ${plainText(value)}`);
  const tools = answer.store?.tools ?? [];
  if (tools.length === 0) return ExitCode.done;
  terminal.print("");
  printTable(
    terminal,
    ["TOOL", ...STATES],
    tools.map(({ tool, jobs }) => [tool, ...STATES.map((state) => `${countOf(jobs, state)}`)]),
  );
  return ExitCode.done;
}

function lines(
  terminal: Terminal,
  { instance, version, startTime, calls, store }: ServerStatsResponse,
): [string, string][] {
  const jobs = store?.jobs ?? [];
  const { oldestQueued } = store ?? {};
  return [
    ["instance", instance],
    ["version", version],
    ...(startTime ? [["started", shownTimeInFull(terminal, toTimeMs(startTime))] as [string, string]] : []),
    ["calls", `${calls?.calls ?? 0} since the start, of this instance`],
    ["failures", reasons(calls?.failures ?? [])],
    ["calls/s", `${rate(calls?.periods ?? [])} in the last minute`],
    [
      "last 15 minutes",
      `p50 ${time(calls?.p50Ms)}, p99 ${time(calls?.p99Ms)}, failures: ${reasons(calls?.recentFailures ?? [])}`,
    ],
    ["jobs", STATES.map((state) => `${countOf(jobs, state)} ${state.toLowerCase()}`).join(", ")],
    ["oldest queued", oldestQueued === undefined ? "-" : describeSpan(toDurationMs(oldestQueued), 0)],
  ];
}

function rate(periods: readonly CallPeriod[]): string {
  const last = periods.slice(-RATE_PERIODS);
  const calls = last.reduce((sum, period) => sum + Number(period.calls), 0);
  return last.length === 0 ? "-" : (calls / (last.length * PERIOD_S)).toFixed(1);
}

function time(ms: number | undefined): string {
  return ms === undefined || ms === 0 ? "-" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function reasons(counts: readonly ReasonCount[]): string {
  return counts.map(({ reason, count }) => `${count} ${reason}`).join(", ") || "none";
}

function countOf(counts: readonly JobCount[], state: (typeof STATES)[number]): bigint {
  return counts.find((each) => each.state === JobState[state])?.count ?? 0n;
}
