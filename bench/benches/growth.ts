import { join } from "node:path";
import type { BenchOptions } from "../options.ts";
import { pickCores } from "../process/cores.ts";
import type { GrowthQuestions } from "../process/growth-process.ts";
import { PinnedProcess } from "../process/pinned-process.ts";
import type { Bench, Table } from "../report/result.ts";
import { median, medianRatio } from "../report/statistics.ts";
import type { Engine } from "../variants/filled-store.ts";
import { measureInRounds } from "./rounds.ts";
import { seriesTable } from "./series-table.ts";

const SIZES: Readonly<Record<Engine, readonly number[]>> = {
  sqlite: [0, 10_000, 1_000_000],
  postgres: [0, 10_000, 1_000_000],
};
const TITLES: Readonly<Record<Engine, string>> = { sqlite: "SQLite", postgres: "PostgreSQL" };
const CALLS = 100;
/** Factor for the rounds of store operations, which take microseconds and need no warm-up. */
const TIMES_ROUNDS = 3;
const OPERATIONS = ["submit", "poll", "list", "claim", "scrape"] as const;

/**
 * Operations whose cost must not depend on the amount of data: jobs in the store, clients in the ring, tools, expiring
 * nonces.
 */
export const growth: Bench = {
  title: "Growth",
  async run(options) {
    const sqlite = await storeGrowth("sqlite", options);
    const postgres = await storeGrowth("postgres", options);
    const names = ["sealwire-sqlite", "sealwire-1000-clients", "sealwire-1000-tools", "sealwire-expiring"] as const;
    const series = await measureInRounds({ ...options, names, callers: [64] });
    return {
      tables: [sqlite.table, postgres.table, seriesTable("A call of batch_sum, 64 callers", series, "sealwire-sqlite")],
      raw: { sqlite: sqlite.raw, postgres: postgres.raw, calls: series },
    };
  },
};

/** Measures the operations of stores with increasing numbers of jobs, each in its own process. */
async function storeGrowth(
  engine: Engine,
  options: BenchOptions,
): Promise<{ readonly table: Table; readonly raw: unknown }> {
  const { rounds, scale, progress } = options;
  const sizes = SIZES[engine].map((size) => Math.round(size / scale));
  await using running = new AsyncDisposableStack();
  const stores = [];
  for (const size of sizes) {
    progress(`filling a store on ${TITLES[engine]} with ${size} jobs`);
    const file = join(import.meta.dirname, "..", "process", "growth-process.ts");
    const store = running.use(new PinnedProcess<GrowthQuestions>({ file, cores: pickCores().server }));
    await store.ask("fill", { engine, count: size });
    stores.push(store);
  }
  const tookMs = new Map<string, number[]>();
  for (let round = -1; round < TIMES_ROUNDS * rounds; round++) {
    for (const operation of OPERATIONS) {
      for (const [index, store] of stores.entries()) {
        const took = await store.ask("time", { operation, calls: CALLS });
        const key = `${operation} ${sizes[index]}`;
        // The first round is a warm-up.
        if (round >= 0) tookMs.set(key, [...(tookMs.get(key) ?? []), took]);
      }
    }
  }
  const of = (operation: string, size: number): number[] => tookMs.get(`${operation} ${size}`) ?? [];
  const [empty = 0, ...larger] = sizes;
  const table = {
    title: `One operation on a store on ${TITLES[engine]}, 64 at a time where it writes`,
    columns: ["", "empty (ms)", ...larger.flatMap((size) => [`${size.toLocaleString("en-US")} jobs (ms)`, "× empty"])],
    rows: OPERATIONS.map((operation) => {
      const base = of(operation, empty);
      const more = larger.flatMap((size) => {
        const values = of(operation, size);
        return [median(values), medianRatio(values, base)];
      });
      return [operation, median(base), ...more];
    }),
  };
  return { table, raw: Object.fromEntries(tookMs) };
}
