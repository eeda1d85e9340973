import { type Bench, describeSettings, type Table } from "../report/result.ts";
import { describeRange, median, ratios } from "../report/statistics.ts";
import type { VariantName } from "../variants/variants.ts";
import { type Measured, measureInRounds, type Series } from "./rounds.ts";
import { cpuPerCall, seriesTable } from "./series-table.ts";

const DIRECT = "mcp-2";
const BRIDGED = "sealwire-mcp";
const NAMES = [DIRECT, BRIDGED] as const;
/** How many times the server CPU of a tool that the SDK serves a bridged one may take. */
const AIM = 2;

/** What a call costs that an MCP host makes through the bridge, beside the same tool served by the SDK alone. */
export const mcp: Bench = {
  title: "A call of batch_sum by an MCP host, through the bridge",
  async run(options) {
    const { callers } = options;
    const series = await measureInRounds({ ...options, names: NAMES });
    const tables = callers.map((count) =>
      seriesTable(
        count === 1 ? "One caller" : `${count} callers`,
        series.filter((each) => each.callers === count),
        DIRECT,
      ),
    );
    return { settings: describeSettings(options), tables: [costs(series, callers), ...tables], raw: series };
  },
};

function costs(series: readonly Series[], callers: readonly number[]): Table {
  const rows = callers.map((count) => {
    const of = (name: VariantName, cost: (round: Measured) => number): number[] =>
      series.find((each) => each.name === name && each.callers === count)?.rounds.map(cost) ?? [];
    const direct = of(DIRECT, cpuPerCall);
    const bridge = of(BRIDGED, ({ otherCpuUs, calls }) => otherCpuUs / calls);
    const both = of(BRIDGED, cpuPerCall);
    const toDirect = ratios(both, direct);
    return [
      count === 1 ? "1 caller" : `${count} callers`,
      ...[direct, both, bridge].map(median),
      median(toDirect),
      describeRange(toDirect),
    ];
  });
  return {
    title: "Server CPU per call in µs",
    columns: [
      "",
      "the SDK alone",
      "bridge and server",
      "of it the bridge",
      `bridge and server / SDK, aim: at most ${AIM}`,
      "lowest–highest",
    ],
    rows,
  };
}
