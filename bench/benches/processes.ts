import type { Bench } from "../report/result.ts";
import { measureInRounds } from "./rounds.ts";
import { seriesTable, withoutServer } from "./series-table.ts";

/** The throughput of several processes on one port. */
export const processes: Bench = {
  title: "Several processes on one port",
  async run(options) {
    const names = ["sealwire-4-connections", "sealwire-cluster", "sealwire-reuse-port"] as const;
    const series = await measureInRounds({ ...options, names, callers: [64] });
    const table = seriesTable("64 callers, 4 connections", series, "sealwire-4-connections");
    return { tables: [withoutServer(table)], raw: series };
  },
};
