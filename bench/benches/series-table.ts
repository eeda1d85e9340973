import type { Cell, Table } from "../report/result.ts";
import { comparison, median } from "../report/statistics.ts";
import type { Measured, Series } from "./rounds.ts";

/** Calls per second in one interval. */
export function callsPerSecond({ calls, elapsedMs }: Measured): number {
  return (calls / elapsedMs) * 1000;
}

/** Server CPU time per call in one interval, in microseconds. */
export function cpuPerCall({ serverCpuUs, calls }: Measured): number {
  return serverCpuUs / calls;
}

/** Share of a core that the server used in one interval, in percent. */
export function serverBusy({ serverCpuUs, elapsedMs }: Measured): number {
  return serverCpuUs / elapsedMs / 10;
}

/** A table of series with the same number of callers, each compared with the series `base`. */
export function seriesTable(title: string, series: readonly Series[], base: string): Table {
  const reference = series.find(({ name }) => name === base)?.rounds;
  const compared = (rounds: readonly Measured[], of: (round: Measured) => number): readonly Cell[] =>
    reference === undefined ? ["", ""] : comparison(rounds.map(of), reference.map(of));
  return {
    title,
    columns: [
      "",
      "server CPU per call (µs)",
      `server CPU × ${base}`,
      "lowest–highest",
      "calls/s",
      `calls/s × ${base}`,
      "lowest–highest",
      "server busy (%)",
      "p50 (ms)",
      "p99 (ms)",
      "server RSS (MiB)",
      "load's core busy (%)",
    ],
    rows: series.map(({ title: name, rounds }): Cell[] => [
      name,
      median(rounds.map(cpuPerCall)),
      ...compared(rounds, cpuPerCall),
      median(rounds.map(callsPerSecond)),
      ...compared(rounds, callsPerSecond),
      median(rounds.map(serverBusy)),
      median(rounds.map(({ p50Ms }) => p50Ms)),
      median(rounds.map(({ p99Ms }) => p99Ms)),
      median(rounds.map(({ serverRssBytes }) => serverRssBytes)) / 2 ** 20,
      median(rounds.map(({ loadCpuUs, elapsedMs }) => loadCpuUs / elapsedMs / 10)),
    ]),
  };
}

/** The table without the usage of the server's process, for servers that consist of several processes. */
export function withoutServer({ title, columns, rows }: Table): Table {
  const firstOfCalls = columns.indexOf("calls/s");
  const kept = columns.flatMap((column, index) =>
    column.startsWith("server") || (index > 0 && index < firstOfCalls) ? [] : [index],
  );
  return {
    title,
    columns: kept.map((index) => columns[index] ?? ""),
    rows: rows.map((row) => kept.map((index) => row[index] ?? "")),
  };
}
