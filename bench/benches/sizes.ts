import type { Bench, Cell } from "../report/result.ts";
import { comparison, median } from "../report/statistics.ts";
import { SIZES } from "../variants/echoed-messages.ts";
import { SIZE_NAMES, type SizeName } from "../variants/size-names.ts";
import { measureInRounds, type Series } from "./rounds.ts";
import { cpuPerCall } from "./series-table.ts";

const CALLERS = 8;
/** Requests made for the first interval: a large one takes a megabyte. */
const FIRST_BATCH = 50;

/** What a call costs the server by the size of its message, which comes back in the answer: Sealwire beside grpc-js. */
export const sizes: Bench = {
  title: "Messages of several sizes, sent and given back",
  async run(options) {
    const names = SIZE_NAMES.filter((name) => options.variants.length === 0 || options.variants.includes(name));
    const rows: Cell[][] = [];
    const raw: Record<string, readonly Series[]> = {};
    for (const name of names) {
      const series = await measureInRounds({
        ...options,
        callers: [CALLERS],
        names: [`echo-grpc-js-${name}`, `echo-sealwire-${name}`],
        firstBatch: FIRST_BATCH,
      });
      raw[name] = series;
      rows.push(row(name, series));
    }
    return { tables: [{ title: `${CALLERS} callers`, columns: COLUMNS, rows }], raw };
  },
};

const COLUMNS = [
  "",
  "message (bytes)",
  "grpc-js: server CPU per call (µs)",
  "Sealwire: server CPU per call (µs)",
  "CPU × grpc-js",
  "lowest–highest",
  "grpc-js: p50 (ms)",
  "Sealwire: p50 (ms)",
];

function row(name: SizeName, series: readonly Series[]): Cell[] {
  const { title, bytes } = SIZES[name];
  const [grpcJs = [], sealwire = []] = series.map(({ rounds }) => rounds.map(cpuPerCall));
  const [grpcJsMs = [], sealwireMs = []] = series.map(({ rounds }) => rounds.map(({ p50Ms }) => p50Ms));
  return [
    title,
    bytes().length,
    median(grpcJs),
    median(sealwire),
    ...comparison(sealwire, grpcJs),
    median(grpcJsMs),
    median(sealwireMs),
  ];
}
