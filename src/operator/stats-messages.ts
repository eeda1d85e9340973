import { type Instance, InstanceRole } from "../../gen/sealwire/operator/v1/instance.ts";
import type { JobCount, ReasonCount, ServerStatsResponse } from "../../gen/sealwire/operator/v1/server_stats.ts";
import { JobState as StateNumber } from "../../gen/sealwire/v1/job.ts";
import { JOB_STATES, type JobState } from "../jobs/job.ts";
import type { InstanceRecord } from "../store/operator-view.ts";
import { fromDurationMs, fromTimeMs } from "../wire/duration.ts";
import type { ServerStats } from "./operator-service.ts";

/** Converts a process to a `sealwire.operator.v1.Instance`. */
export function toInstanceMessage(record: InstanceRecord): Instance {
  return {
    id: record.id,
    role: record.role === "server" ? InstanceRole.SERVER : InstanceRole.WORKER,
    version: record.version,
    address: record.address,
    startTime: fromTimeMs(record.sinceMs),
    renewTime: fromTimeMs(record.renewedAtMs),
    running: record.running,
  };
}

/** Converts statistics to the fields `calls` and `store` of a `sealwire.operator.v1.ServerStatsResponse`. */
export function toStatsMessage({ calls, jobs, tools }: ServerStats): Pick<ServerStatsResponse, "calls" | "store"> {
  return {
    calls: {
      calls: BigInt(calls.calls),
      failures: toReasonCounts(calls.failures),
      periods: calls.periods.map(({ startMs, calls: ended, failures, p50Ms, p99Ms }) => ({
        ...{ startTime: fromTimeMs(startMs), calls: BigInt(ended), failures: BigInt(failures), p50Ms, p99Ms },
      })),
      recentFailures: toReasonCounts(calls.recentFailures),
      p50Ms: calls.p50Ms,
      p99Ms: calls.p99Ms,
    },
    store: {
      jobs: toJobCounts(jobs.byState),
      oldestQueued: jobs.oldestQueuedMs > 0 ? fromDurationMs(jobs.oldestQueuedMs) : undefined,
      tools: tools.map(({ tool, byState }) => ({ tool, jobs: toJobCounts(byState) })),
    },
  };
}

function toReasonCounts(counts: ReadonlyMap<string, number>): ReasonCount[] {
  return [...counts].sort().map(([reason, count]) => ({ reason, count: BigInt(count) }));
}

function toJobCounts(byState: Readonly<Record<JobState, number>>): JobCount[] {
  return JOB_STATES.filter((state) => byState[state] > 0).map((state) => ({
    state: StateNumber[state],
    count: BigInt(byState[state]),
  }));
}
