import type { Bench } from "../report/result.ts";
import { comparison, median, medianRatio } from "../report/statistics.ts";
import type { VariantName } from "../variants/variants.ts";
import { measureInRounds } from "./rounds.ts";
import { cpuPerCall } from "./series-table.ts";

const CALLERS = 64;
const SERVERS: readonly (readonly [one: VariantName, many: VariantName])[] = [
  ["grpc-js", "grpc-js-64-connections"],
  ["sealwire-sqlite", "sealwire-64-connections"],
];

/** What it costs the server that its callers have a connection each. */
export const connections: Bench = {
  title: "64 callers over one connection, and over one each",
  async run(options) {
    const series = await measureInRounds({ ...options, names: SERVERS.flat(), callers: [CALLERS] });
    const cpuOf = (name: VariantName): number[] =>
      series.find((each) => each.name === name)?.rounds.map(cpuPerCall) ?? [];
    const [grpcJsOne = [], grpcJsMany = []] = SERVERS[0]?.map(cpuOf) ?? [];
    const rows = SERVERS.map(([one, many]) => {
      return [
        series.find(({ name }) => name === one)?.title ?? one,
        median(cpuOf(one)),
        medianRatio(cpuOf(one), grpcJsOne),
        median(cpuOf(many)),
        medianRatio(cpuOf(many), grpcJsMany),
        ...comparison(cpuOf(many), cpuOf(one)),
      ];
    });
    const columns = [
      "",
      "one connection: server CPU per call (µs)",
      "× grpc-js",
      "64 connections: server CPU per call (µs)",
      "× grpc-js",
      "64 connections × one",
      "lowest–highest",
    ];
    return { tables: [{ title: `${CALLERS} callers`, columns, rows }], raw: series };
  },
};
