import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

/** The longest warm-up, as a multiple of {@link BenchOptions.warmUpSeconds}. */
export const WARM_UP_MOST = 4.5;

/** Options of the benches. */
export interface BenchOptions {
  /** Number of rounds. The medians are reported. */
  readonly rounds: number;
  /** Duration of one interval. */
  readonly seconds: number;
  /** Shortest warm-up of each server. It lasts longer while the CPU time per call falls. */
  readonly warmUpSeconds: number;
  /** Numbers of concurrent calls. */
  readonly callers: readonly number[];
  /** Only these variants, in benches that compare variants. Empty: all. */
  readonly variants: readonly string[];
  /** Divides the large numbers of the benches: 10,000 watches, a million jobs. */
  readonly scale: number;
  /** The folder for results. */
  readonly out: string;
  /** A folder for CPU profiles of the servers. Profiling affects the results. */
  readonly profiles: string | undefined;
  /** Reports progress. */
  readonly progress: (text: string) => void;
}

/** The parsed command line. */
export interface CommandLine {
  /** Empty: all. */
  readonly names: readonly string[];
  readonly options: BenchOptions;
}

/** Parses the command line. Throws an Error that names the invalid option. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "1" },
      "warm-up": { type: "string", default: "20" },
      callers: { type: "string", default: "1,16,64,256" },
      scale: { type: "string", default: "1" },
      variants: { type: "string", default: "" },
      out: { type: "string", default: join(import.meta.dirname, "results") },
      "cpu-prof": { type: "string" },
    },
  });
  return {
    names: positionals,
    options: {
      rounds: positive("rounds", values.rounds),
      seconds: positive("seconds", values.seconds),
      warmUpSeconds: positive("warm-up", values["warm-up"]),
      callers: values.callers.split(",").map((count) => positive("callers", count)),
      variants: values.variants === "" ? [] : values.variants.split(","),
      scale: positive("scale", values.scale),
      out: resolve(values.out),
      profiles: values["cpu-prof"],
      progress: (text) => process.stderr.write(`${text}\n`),
    },
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} is "${text}"; it must be a number above 0`);
}
