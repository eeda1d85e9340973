import type { Bench } from "../report/result.ts";
import { median, medianRatio } from "../report/statistics.ts";
import { measureInRounds } from "./rounds.ts";
import { callsPerSecond } from "./series-table.ts";

/** The client's cost of a call: a SealwireClient, which signs and verifies, compared with a grpc-js client. */
export const client: Bench = {
  title: "What a call costs the caller",
  async run(options) {
    const series = await measureInRounds({
      ...options,
      callers: [64],
      names: ["client-grpc-js", "client-sealwire"],
    });
    const cpu = series.map(({ rounds }) => rounds.map(({ loadCpuUs, calls }) => loadCpuUs / calls));
    const rows = series.map(({ title, rounds }, index) => [
      title,
      median(rounds.map(callsPerSecond)),
      median(cpu[index] ?? []),
      medianRatio(cpu[index] ?? [], cpu[0] ?? []),
    ]);
    return {
      tables: [
        {
          title: "64 callers in one process",
          columns: ["", "calls/s", "client CPU per call (µs)", "× grpc-js"],
          rows,
        },
      ],
      raw: series,
    };
  },
};
