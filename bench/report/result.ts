import { spawnSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import type { BenchOptions } from "../options.ts";
import { pickCores } from "../process/cores.ts";

/** A cell: a measured number or a text, empty where there is nothing to say. */
export type Cell = number | string;

/** Figures that belong together. */
export interface Table {
  readonly title: string;
  /** With their units, for example "p50 (ms)". */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** What is drawn: one bar for each value. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly { readonly label: string; readonly value: number; readonly ours: boolean }[];
}

/** What a bench gives. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly chart?: Chart;
  /** How much was measured, where that is not what {@link describeSettings} says. */
  readonly settings?: string;
  /** Every single measurement, for whoever wants to compute something else of them. */
  readonly raw?: unknown;
}

/** What is written into `results/`. */
export interface Result extends Findings {
  readonly name: string;
  readonly title: string;
  /** When, as ISO 8601. */
  readonly at: string;
  /** What was measured, as git names it; `undefined` outside a clone, from where no result is taken over. */
  readonly commit?: string;
  readonly machine: string;
  readonly settings: string;
  /** As it was typed. */
  readonly command: string;
}

/** A bench, as `npm run bench -- NAME` runs it. */
export interface Bench {
  readonly title: string;
  /** Measures. Throws if anything did not answer as it should. */
  run(options: BenchOptions): Promise<Findings>;
}

/** Names the commit that is measured, with "-dirty" where files differ from it. */
export function describeCommit(): string | undefined {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** Says on what a run was made. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const { server, load } = pickCores();
  const pinned = server === undefined ? "nothing pinned" : `servers on core ${server}, loads on core ${load}`;
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model ?? "unknown processor"}, ${cpus().length} cores, ${memory} GiB, ${process.platform} ${release()}, Node ${process.version}; ${pinned}`;
}

/** Says how much a run measured. */
export function describeSettings({ rounds, seconds, warmUpSeconds, scale }: BenchOptions): string {
  const scaled = scale === 1 ? "" : `, scaled down by ${scale}`;
  return `${rounds} rounds of ${seconds} s after ${warmUpSeconds} s of warm-up${scaled}`;
}
