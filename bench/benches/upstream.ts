import { type Bench, describeSettings, type Table } from "../report/result.ts";
import { describeRange, median, ratios } from "../report/statistics.ts";
import type { VariantName } from "../variants/variants.ts";
import { measureReloads, type Reloads } from "./reloads.ts";
import { type Measured, measureInRounds, type Series } from "./rounds.ts";
import { cpuPerCall } from "./series-table.ts";

const NAMES = ["sealwire-sqlite", "grpc-js-caller", "sealwire-forwarded"] as const;
/** How many times the cost of a tool in TypeScript a forwarded one may take, besides that of a plain call. */
const ALLOWED = 1.6;
const RELOADS_AIM_MS = 100;

/** What it costs to forward a call to an upstream, and whether reloads delay calls. */
export const upstream: Bench = {
  title: "A call of batch_sum that is forwarded to an upstream",
  async run(options) {
    const both = { ...options, callers: [1, 64] };
    const series = await measureInRounds({ ...both, names: NAMES });
    options.progress("reloads");
    const reloads = await measureReloads(options);
    return {
      settings: describeSettings(both),
      tables: [costs(series, both.callers), delays(reloads)],
      raw: { series, reloads },
    };
  },
};

function costs(series: readonly Series[], callers: readonly number[]): Table {
  const rows = callers.map((count) => {
    const of = (name: VariantName, cost: (round: Measured) => number): number[] =>
      series.find((each) => each.name === name && each.callers === count)?.rounds.map(cost) ?? [];
    const tool = of("sealwire-sqlite", cpuPerCall);
    const caller = of("grpc-js-caller", ({ loadCpuUs, calls }) => loadCpuUs / calls);
    const forwarded = of("sealwire-forwarded", cpuPerCall);
    const plus = (factor: number): number[] => tool.map((cost, round) => factor * cost + (caller[round] ?? Number.NaN));
    const toAim = ratios(forwarded, plus(ALLOWED));
    return [
      count === 1 ? "1 caller" : `${count} callers`,
      ...[tool, caller, forwarded].map(median),
      median(ratios(forwarded, plus(1))),
      median(toAim),
      describeRange(toAim),
    ];
  });
  return {
    title: "CPU per call in µs",
    columns: [
      "",
      "T: a tool in TypeScript, the server",
      "C: a plain grpc-js call, the caller",
      "F: forwarded, the server alone",
      "F / (T + C)",
      `F / (${ALLOWED} T + C), aim: at most 1`,
      "lowest–highest",
    ],
    rows,
  };
}

function delays({ calm, reloading, reloads }: Reloads): Table {
  return {
    title: `Calls of a forwarded tool while the contract of 50 other tools is reloaded, aim: p99 at most ${RELOADS_AIM_MS} ms`,
    columns: ["", "reloads", "calls", "p50 (ms)", "p99 (ms)", "longest (ms)"],
    rows: [
      ["without reloads", 0, calm.calls, calm.p50Ms, calm.p99Ms, calm.maxMs],
      ["one reload after the other", reloads, reloading.calls, reloading.p50Ms, reloading.p99Ms, reloading.maxMs],
    ],
  };
}
