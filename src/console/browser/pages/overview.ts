import type { CallsBucket, InstanceRow, JobStateName, OverviewAnswer } from "../../answers.ts";
import { bar, lineChart } from "../charts.ts";
import { currentMs } from "../clock.ts";
import { code, empty, outside, pill, rows, type Shown, table, when } from "../elements.ts";
import { numberText, spanText } from "../format.ts";
import { html, type TemplateResult } from "../lit-html.js";
import { hrefOf } from "../location.ts";
import { LivePage, type PageContext } from "../page.ts";

const STATES: readonly (readonly [JobStateName, string])[] = [
  ["QUEUED", "waiting"],
  ["RUNNING", "busy"],
  ["SUCCEEDED", "good"],
  ["FAILED", "bad"],
  ["CANCELLED", "off"],
];

/** The time that charts show, in milliseconds. */
const WINDOW_MS = 900_000;

/** What happens now, and in the last 15 minutes. */
export class OverviewPage extends LivePage<OverviewAnswer> {
  readonly title = "Overview";

  constructor(context: PageContext) {
    super(context, "/api/overview");
  }

  protected show(overview: OverviewAnswer): Shown {
    const { bucketMs, atMs } = overview;
    const buckets = wholeTime(overview);
    const perSecond = (count: number): number => count / (bucketMs / 1000);
    const time = { untilMs: atMs, stepMs: bucketMs };
    return html`${tiles(overview)}
      <div class="columns">
        <section class="card">
          ${lineChart({
            ...{ title: "Calls", unit: "per second", ...time },
            series: [
              { name: "all", tone: "one", values: buckets.map((each) => each && perSecond(each.calls)) },
              {
                name: "failed or refused",
                tone: "three",
                values: buckets.map((each) => each && perSecond(each.failures)),
              },
            ],
          })}
        </section>
        <section class="card">
          ${lineChart({
            ...{ title: "Time of a call", unit: "ms", ...time },
            series: [
              { name: "p50", tone: "one", values: buckets.map((each) => each?.p50Ms) },
              { name: "p99", tone: "two", values: buckets.map((each) => each?.p99Ms) },
            ],
          })}
        </section>
        <section class="card"><h2>Jobs by state</h2>${jobs(overview)}</section>
        <section class="card"><h2>Jobs by tool</h2>${jobsByTool(overview)}</section>
        <section class="card"><h2>Failures and refusals by reason</h2>${refusals(overview)}</section>
        <section class="card"><h2>Upstreams</h2>${upstreams(overview)}</section>
        <section class="card full"><h2>Instances</h2>${instances(overview)}</section>
      </div>
      <p class="help">Calls, times and reasons are those of the instance ${code(overview.instance)} in the last 15
        minutes. Jobs and instances are those of the store, which all instances share.</p>`;
  }
}

/** The parts of 15 minutes. Those from before the start of the server are empty. */
function wholeTime({ buckets, bucketMs }: OverviewAnswer): readonly (CallsBucket | undefined)[] {
  const missing = Math.max(0, WINDOW_MS / bucketMs - buckets.length);
  return [...Array.from({ length: missing }, () => undefined), ...buckets];
}

function tiles(overview: OverviewAnswer): TemplateResult {
  const { buckets, bucketMs, jobs, instances } = overview;
  const last = buckets.at(-1);
  const tile = (name: string, value: string, tone = ""): TemplateResult =>
    html`<div class="tile ${tone}"><dt>${name}</dt><dd>${value}</dd></div>`;
  const ms = (value: number | undefined): string => (value === undefined ? "–" : `${numberText(value)} ms`);
  return html`<dl class="tiles">
    ${tile("Calls per second", numberText((last?.calls ?? 0) / (bucketMs / 1000)))}
    ${tile("p50 in 15 min", ms(overview.p50Ms))} ${tile("p99 in 15 min", ms(overview.p99Ms))}
    ${tile("Running jobs", numberText(jobs.byState.RUNNING))}
    ${tile("Queued jobs", numberText(jobs.byState.QUEUED))}
    ${tile("Oldest waits", jobs.oldestQueuedMs === 0 ? "–" : spanText(jobs.oldestQueuedMs))}
    ${tile("Instances", numberText(instances.length))}
  </dl>`;
}

function jobs({ jobs: found }: OverviewAnswer): Shown {
  const all = Math.max(1, total(Object.values(found.byState)));
  return table(
    "Jobs by state",
    ["State", ["Jobs"], "Share"],
    STATES.map(
      ([state, tone]) => html`<tr>
        <th scope="row"><a href=${hrefOf("/jobs", { state })}>${pill(state)}</a></th>
        <td class="number">${numberText(found.byState[state])}</td>
        <td class="wide">${bar(found.byState[state] / all, tone)}</td>
      </tr>`,
    ),
  );
}

function jobsByTool({ jobsByTool: found }: OverviewAnswer): Shown {
  if (found.length === 0) return empty("The store holds no jobs.");
  return table(
    "Jobs by tool",
    ["Tool", ["Queued"], ["Running"], ["Succeeded"], ["Failed"], ["Cancelled"]],
    rows(
      found,
      ({ tool }) => tool,
      ({ tool, byState }) => html`<tr>
        <th scope="row"><a href=${hrefOf("/jobs", { tool })}>${code(tool)}</a></th>
        ${STATES.map(([state]) => html`<td class="number">${numberText(byState[state])}</td>`)}
      </tr>`,
    ),
  );
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, each) => sum + each, 0);
}

function refusals({ refusals: found }: OverviewAnswer): Shown {
  if (found.length === 0) return empty("None in the last 15 minutes.");
  const all = total(found.map(({ count }) => count));
  return table(
    "Failures and refusals by reason",
    ["Reason", ["Calls"], "Share"],
    found.map(
      ({ reason, count }) => html`<tr>
        <th scope="row">${code(reason)}</th>
        <td class="number">${numberText(count)}</td>
        <td class="wide">${bar(count / all, "bad")}</td>
      </tr>`,
    ),
  );
}

function instances({ instances: found, instance }: OverviewAnswer): Shown {
  if (found.length === 0) return empty("None is known.");
  const nowMs = currentMs();
  const row = ({ id, role, version, address, sinceMs, renewedAtMs, running }: InstanceRow): TemplateResult => html`<tr>
    <th scope="row">${code(id)}${id === instance ? " (this one)" : ""}</th>
    <td>${role}</td>
    <td>${outside(version)}</td>
    <td>${address === "" ? "–" : code(address)}</td>
    <td>${when(sinceMs, nowMs)}</td>
    <td>${when(renewedAtMs, nowMs)}</td>
    <td class="number">${numberText(running)}</td>
  </tr>`;
  const heads = ["Instance", "Role", "Version", "Address", "Since", "Last seen", ["Running"]];
  return table(
    "Instances",
    heads,
    rows(found, ({ id }) => id, row),
  );
}

function upstreams({ upstreams: found }: OverviewAnswer): Shown {
  if (found.length === 0) return empty("This server forwards no tools.");
  return table(
    "Upstreams",
    ["Service", "At", "Condition"],
    found.map(
      ({ service, host, serving }) => html`<tr>
        <th scope="row">${code(service)}</th>
        <td>${outside(host)}</td>
        <td>${pill(serving ? "serving" : "down", serving ? "good" : "bad")}</td>
      </tr>`,
    ),
  );
}
