import { spawnSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { type BenchOptions, WARM_UP_MOST } from "../options.ts";
import { pickCores } from "../process/cores.ts";

/** A cell: a measured number or a text, which may be empty. */
export type Cell = number | string;

/** A table of results. */
export interface Table {
  readonly title: string;
  /** Headings with units, for example "p50 (ms)". */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A chart with one bar for each value. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly { readonly label: string; readonly value: number; readonly ours: boolean }[];
}

/** The result of a bench. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly chart?: Chart;
  /** The settings, if they differ from {@link describeSettings}. */
  readonly settings?: string;
  /** All measurements, for further analysis. */
  readonly raw?: unknown;
}

/** The content of a file in `results/`. */
export interface Result extends Findings {
  readonly name: string;
  readonly title: string;
  /** Time in ISO 8601. */
  readonly at: string;
  /** The measured commit; `undefined` outside of a git clone, whose results are not published. */
  readonly commit?: string;
  readonly machine: string;
  readonly settings: string;
  /** The shell command. */
  readonly command: string;
}

/** A bench for `npm run bench -- NAME`. */
export interface Bench {
  readonly title: string;
  /** Runs the bench. Throws on an unexpected answer. */
  run(options: BenchOptions): Promise<Findings>;
}

/** The id of the current commit, with "-dirty" if files differ from it. */
export function describeCommit(): string | undefined {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** Describes the machine of a run. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const { server, load } = pickCores();
  const pinned = server === undefined ? "nothing pinned" : `servers on core ${server}, loads on core ${load}`;
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model ?? "unknown processor"}, ${cpus().length} cores, ${memory} GiB, ${process.platform} ${release()}, Node ${process.version}; ${pinned}`;
}

/** Describes the settings of a run. */
export function describeSettings({ rounds, seconds, warmUpSeconds, scale }: BenchOptions): string {
  const scaled = scale === 1 ? "" : `, scaled down by ${scale}`;
  const warm = `a warm-up of ${warmUpSeconds} s, or up to ${warmUpSeconds * WARM_UP_MOST} s until the CPU per call is stable`;
  return `${rounds} rounds of ${seconds} s after ${warm}${scaled}`;
}
