import { join } from "node:path";
import type { Sample } from "../load/load.ts";
import { type BenchOptions, WARM_UP_MOST } from "../options.ts";
import { pickCores } from "../process/cores.ts";
import type { LoadQuestions } from "../process/load-process.ts";
import { PinnedProcess } from "../process/pinned-process.ts";
import type { ServerQuestions } from "../process/server-process.ts";
import { median } from "../report/statistics.ts";
import type { Variant } from "../variants/variant.ts";
import { type VariantName, variants } from "../variants/variants.ts";

/** The result of one interval, with the server's resource usage. */
export interface Measured extends Sample {
  readonly serverCpuUs: number;
  /** The part of it that further processes of the server took. */
  readonly otherCpuUs: number;
  readonly serverRssBytes: number;
}

/** The intervals of one variant at one number of callers, by round. */
export interface Series {
  readonly name: VariantName;
  readonly title: string;
  readonly callers: number;
  readonly rounds: readonly Measured[];
}

/** Options of {@link measureInRounds}. */
export interface RoundsOptions extends BenchOptions {
  readonly names: readonly VariantName[];
  /** Requests made for the first interval, before it is known how many are needed. Default 500. */
  readonly firstBatch?: number;
}

const FOLDER = join(import.meta.dirname, "..", "process");
/** Number of requests that are prepared for the first interval, before the required number is known. */
const FIRST_BATCH = 500;
const SPARE = 1.5;
/** Number of intervals of the warm-up that are compared with as many before them. */
const WINDOW = 5;
/** The median of a window may be this share of that before it in a server that is warm. */
const STABLE = 0.97;

/**
 * Starts and warms up every variant, then measures in rounds. In each round every variant has one interval for each
 * number of callers, in turn, so that disturbances of the machine affect all variants.
 */
export async function measureInRounds(options: RoundsOptions): Promise<readonly Series[]> {
  const { names, rounds, seconds, warmUpSeconds, callers, profiles, progress, firstBatch = FIRST_BATCH } = options;
  await using running = new AsyncDisposableStack();
  const pairs: Pair[] = [];
  for (const name of names) {
    const pair = running.use(await Pair.start(name, { profiles, firstBatch }));
    const tookMs = await pair.warmUp(warmUpSeconds * 1000, Math.max(...callers));
    progress(`warmed ${name} for ${(tookMs / 1000).toFixed(0)} s`);
    pairs.push(pair);
  }
  const measured = new Map<string, Measured[]>();
  // The first round is not counted. It warms up variants that were idle during the warm-up of the others.
  for (let round = -1; round < rounds; round++) {
    progress(round < 0 ? "warming all again" : `round ${round + 1} of ${rounds}`);
    for (const count of callers) {
      // Each round begins with another variant, so that none always follows the slowest one.
      const order = pairs.map((_, index) => pairs[(index + round + 1) % pairs.length] as Pair);
      for (const pair of order) {
        const key = `${pair.name} ${count}`;
        const interval = await pair.measure(count, seconds * 1000);
        if (round >= 0) measured.set(key, [...(measured.get(key) ?? []), interval]);
      }
    }
  }
  return callers.flatMap((count) =>
    pairs.map(({ name, title }) => ({ name, title, callers: count, rounds: measured.get(`${name} ${count}`) ?? [] })),
  );
}

/** Whether the newest values are lower than those before them. */
function isFalling(values: readonly number[]): boolean {
  const newest = median(values.slice(-WINDOW));
  const before = median(values.slice(-2 * WINDOW, -WINDOW));
  return !(newest > before * STABLE);
}

/** A variant's server and its load, each in its own process. */
class Pair implements AsyncDisposable {
  readonly name: VariantName;
  readonly title: string;
  readonly #server: PinnedProcess<ServerQuestions>;
  readonly #load: PinnedProcess<LoadQuestions>;
  readonly #firstBatch: number;
  #callsPerMs = 0;

  private constructor(
    name: VariantName,
    title: string,
    firstBatch: number,
    processes: { server: PinnedProcess<ServerQuestions>; load: PinnedProcess<LoadQuestions> },
  ) {
    this.name = name;
    this.title = title;
    this.#firstBatch = firstBatch;
    this.#server = processes.server;
    this.#load = processes.load;
  }

  /** `profiles`: a folder for a CPU profile of the server, if one is wanted. */
  static async start(
    name: VariantName,
    { profiles, firstBatch }: { readonly profiles: string | undefined; readonly firstBatch: number },
  ): Promise<Pair> {
    const cores = pickCores();
    const variant: Variant = await variants[name]();
    const { title, several = false } = variant;
    const server = new PinnedProcess<ServerQuestions>({
      file: join(FOLDER, "server-process.ts"),
      cores: several ? cores.several : cores.server,
      flags:
        profiles === undefined
          ? []
          : ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}.cpuprofile`],
    });
    const load = new PinnedProcess<LoadQuestions>({ file: join(FOLDER, "load-process.ts"), cores: cores.load });
    const target = await server.ask("serve", name);
    await load.ask("connect", { name, target });
    return new Pair(name, title, firstBatch, { server, load });
  }

  /**
   * Calls until the CPU time per call has stopped falling: for `atLeastMs`, and up to {@link WARM_UP_MOST} times that.
   * Returns the duration in milliseconds, without the time for preparing requests.
   */
  async warmUp(atLeastMs: number, callers: number): Promise<number> {
    const cpu: number[] = [];
    let tookMs = 0;
    while (tookMs < atLeastMs || (tookMs < atLeastMs * WARM_UP_MOST && isFalling(cpu))) {
      const { elapsedMs, serverCpuUs, loadCpuUs, calls } = await this.measure(callers, atLeastMs / (2 * WINDOW));
      cpu.push((serverCpuUs + loadCpuUs) / calls);
      tookMs += elapsedMs;
    }
    return tookMs;
  }

  async measure(callers: number, durationMs: number): Promise<Measured> {
    const needed = Math.max(this.#firstBatch, this.#callsPerMs * durationMs * SPARE);
    await this.#load.ask("prepare", Math.ceil(needed));
    const before = await this.#server.ask("usage", undefined);
    const sample = await this.#load.ask("run", { callers, durationMs });
    const after = await this.#server.ask("usage", undefined);
    this.#callsPerMs = Math.max(this.#callsPerMs, sample.calls / sample.elapsedMs);
    return {
      ...sample,
      serverCpuUs: after.cpuUs - before.cpuUs,
      otherCpuUs: after.otherCpuUs - before.otherCpuUs,
      serverRssBytes: after.rssBytes,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#load[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}
