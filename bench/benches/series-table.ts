import type { Cell, Table } from "../report/result.ts";
import { median, medianRatio } from "../report/statistics.ts";
import type { Measured, Series } from "./rounds.ts";

/** Calls per second in one interval. */
export function callsPerSecond({ calls, elapsedMs }: Measured): number {
  return (calls / elapsedMs) * 1000;
}

/** A table of series with the same number of callers, each compared with the series `base`. */
export function seriesTable(title: string, series: readonly Series[], base: string): Table {
  const reference = series.find(({ name }) => name === base);
  const baseRates = reference?.rounds.map(callsPerSecond) ?? [];
  const baseCpu = reference?.rounds.map(({ serverCpuUs, calls }) => serverCpuUs / calls) ?? [];
  return {
    title,
    columns: [
      "",
      "calls/s",
      `× ${base}`,
      "p50 (ms)",
      "p99 (ms)",
      "server CPU per call (µs)",
      `CPU × ${base}`,
      "server RSS (MiB)",
      "load's core busy (%)",
    ],
    rows: series.map(({ title: name, rounds }): Cell[] => {
      const rates = rounds.map(callsPerSecond);
      const cpu = rounds.map(({ serverCpuUs, calls }) => serverCpuUs / calls);
      return [
        name,
        median(rates),
        reference === undefined ? "" : medianRatio(rates, baseRates),
        median(rounds.map(({ p50Ms }) => p50Ms)),
        median(rounds.map(({ p99Ms }) => p99Ms)),
        median(cpu),
        reference === undefined ? "" : medianRatio(cpu, baseCpu),
        median(rounds.map(({ serverRssBytes }) => serverRssBytes)) / 2 ** 20,
        median(rounds.map(({ loadCpuUs, elapsedMs }) => loadCpuUs / elapsedMs / 10)),
      ];
    }),
  };
}

/** The table without the usage of the server's process, for servers that consist of several processes. */
export function withoutServer({ title, columns, rows }: Table): Table {
  const kept = columns.flatMap((column, index) => (/server|CPU/.test(column) ? [] : [index]));
  return {
    title,
    columns: kept.map((index) => columns[index] ?? ""),
    rows: rows.map((row) => kept.map((index) => row[index] ?? "")),
  };
}
