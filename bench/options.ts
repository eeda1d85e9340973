import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

/** How much is measured, and where the results go. */
export interface BenchOptions {
  /** How often everything is measured; the medians are reported. */
  readonly rounds: number;
  /** How long one interval takes. */
  readonly seconds: number;
  /** How long each server is under load before anything counts. */
  readonly warmUpSeconds: number;
  /** Numbers of calls under way at once. */
  readonly callers: readonly number[];
  /** Only these variants, in the benches that compare variants. Empty: all. */
  readonly variants: readonly string[];
  /** Divides what the benches that open or store many things do: 10,000 watches, a million jobs. */
  readonly scale: number;
  /** The folder for results. */
  readonly out: string;
  /** A folder for CPU profiles of the servers; what they cost shows in the figures. */
  readonly profiles: string | undefined;
  /** Tells what is going on. */
  readonly progress: (text: string) => void;
}

/** What was asked for on the command line. */
export interface CommandLine {
  /** Empty: all. */
  readonly names: readonly string[];
  readonly options: BenchOptions;
}

/** Reads the command line. Throws with a text for people. */
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
