import type { CallPeriod } from "../../operator/call-stats.ts";
import type { InstanceRecord, ToolStats } from "../../store/operator-view.ts";
import { actorOf } from "../actor.ts";
import type { CallsBucket, InstanceRow, OverviewAnswer } from "../answers.ts";
import type { Route, RouteRequest } from "../route.ts";
import { shownText } from "../shown-text.ts";
import type { ConsoleSource } from "../source.ts";

const INTERVAL_MS = 2_000;
/** Length of the periods in which calls are counted. */
const PERIOD_MS = 10_000;
const TOOLS_MOST = 20;

/** The route of the page Overview. */
export function overviewRoutes(source: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/overview",
      role: "viewer",
      intervalMs: INTERVAL_MS,
      answer: (request) => overview(source, request),
    },
  ];
}

async function overview(source: ConsoleSource, request: RouteRequest): Promise<OverviewAnswer> {
  const { operator, toolset, clock } = source;
  const actor = actorOf(request);
  const [stats, instances] = await Promise.all([operator.serverStats(actor), operator.listInstances(actor)]);
  const { calls, jobs, tools } = stats;
  const last = calls.periods.at(-1);
  return {
    atMs: last === undefined ? clock.nowMs() : last.startMs + PERIOD_MS,
    instance: stats.instance.id,
    ...(calls.p50Ms > 0 && { p50Ms: calls.p50Ms }),
    ...(calls.p99Ms > 0 && { p99Ms: calls.p99Ms }),
    bucketMs: PERIOD_MS,
    buckets: calls.periods.map(bucket),
    refusals: [...calls.recentFailures]
      .map(([reason, count]) => ({ reason, count }))
      .sort((one, other) => other.count - one.count),
    jobs: { byState: jobs.byState, oldestQueuedMs: jobs.oldestQueuedMs },
    jobsByTool: [...tools].sort((one, other) => openJobs(other) - openJobs(one)).slice(0, TOOLS_MOST),
    instances: instances.map(instanceRow),
    upstreams: upstreams(toolset()),
  };
}

function bucket({ calls, failures, p50Ms, p99Ms }: CallPeriod): CallsBucket {
  return { calls, failures, ...(p50Ms > 0 && { p50Ms }), ...(p99Ms > 0 && { p99Ms }) };
}

function openJobs({ byState }: ToolStats): number {
  return byState.QUEUED + byState.RUNNING;
}

function instanceRow({ id, role, version, address, sinceMs, renewedAtMs, running }: InstanceRecord): InstanceRow {
  return { id, role, version: shownText(version, 64), address: shownText(address, 250), sinceMs, renewedAtMs, running };
}

/** The services that run elsewhere, by name. A service counts as down if one of its methods cannot run. */
function upstreams({ catalogue }: ReturnType<ConsoleSource["toolset"]>): OverviewAnswer["upstreams"] {
  const found = new Map<string, OverviewAnswer["upstreams"][number]>();
  for (const { host, description } of catalogue.tools()) {
    if (host === undefined) continue;
    const service = description.method.slice(0, description.method.lastIndexOf("."));
    const serving = (found.get(service)?.serving ?? true) && host.serves(description.method);
    found.set(service, { service, host: host.name, serving });
  }
  return [...found.values()].sort((one, other) => (one.service < other.service ? -1 : 1));
}
