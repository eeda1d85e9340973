import type { Bench, Table } from "../report/result.ts";
import { comparison, median } from "../report/statistics.ts";
import { type Measured, measureInRounds, type Series } from "./rounds.ts";
import { callsPerSecond } from "./series-table.ts";

/** The client's cost of a call: a SealwireClient, which signs and verifies, compared with a grpc-js client. */
export const client: Bench = {
  title: "What a call costs the caller",
  async run(options) {
    const series = await measureInRounds({
      ...options,
      callers: [1, 64],
      names: ["client-grpc-js", "client-sealwire", "client-sealwire-unary", "client-sealwire-stream"],
    });
    return {
      tables: [clientTable("one caller", series, 1), clientTable("64 callers in one process", series, 64)],
      raw: series,
    };
  },
};

function clientTable(title: string, all: readonly Series[], callers: number): Table {
  const series = all.filter((each) => each.callers === callers);
  const base = series[0]?.rounds ?? [];
  const compared = (rounds: readonly Measured[], of: (round: Measured) => number): readonly [number, string] =>
    comparison(rounds.map(of), base.map(of));
  return {
    title,
    columns: [
      "",
      "client CPU per call (µs)",
      "CPU × grpc-js",
      "lowest–highest",
      "p50 (ms)",
      "p50 × grpc-js",
      "lowest–highest",
      "calls/s",
      "client's core busy (%)",
    ],
    rows: series.map(({ title: name, rounds }) => [
      name,
      median(rounds.map(clientCpu)),
      ...compared(rounds, clientCpu),
      median(rounds.map(p50)),
      ...compared(rounds, p50),
      median(rounds.map(callsPerSecond)),
      median(rounds.map(({ loadCpuUs, elapsedMs }) => loadCpuUs / elapsedMs / 10)),
    ]),
  };
}

function clientCpu({ loadCpuUs, calls }: Measured): number {
  return loadCpuUs / calls;
}

function p50({ p50Ms }: Measured): number {
  return p50Ms;
}
