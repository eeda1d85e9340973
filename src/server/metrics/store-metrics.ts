import type { Registry } from "prom-client";
import type { JobStats } from "../../jobs/engine.ts";
import { JOB_STATES } from "../../jobs/job.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Store } from "../../store/store.ts";

/** Minimum time for which figures are cached, in milliseconds. */
const KEPT_MS = 5_000;
/** Figures are cached for this many times the duration of a read, so that reads use at most 2 % of a connection. */
const KEPT_TIMES = 50;
/** Maximum time that a scrape waits for the store, in milliseconds. Prometheus gives up after 10 s. */
const PATIENCE_MS = 3_000;

/** Statistics of a store. */
export interface Figures extends JobStats {
  readonly nonces: number;
}

/** Reads the figures of a store for scrapes. Runs one read at a time and caches its result. */
export class StoreFigures {
  readonly #store: Store;
  readonly #clock: Clock;
  #reading: Promise<Figures | undefined> | undefined;
  #kept: { readonly figures: Figures; readonly untilMs: number } | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Resolves to `undefined` if the store is unavailable or does not answer within 3 s. Never rejects. */
  async read(): Promise<Figures | undefined> {
    if (this.#store.away) return undefined;
    if (this.#kept !== undefined && this.#clock.monotonicMs() < this.#kept.untilMs) return this.#kept.figures;
    this.#reading ??= this.#readStore().finally(() => {
      this.#reading = undefined;
    });
    const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
    using _timer = this.#clock.after(PATIENCE_MS, () => resolve(undefined));
    return await Promise.race([this.#reading, tooLate]);
  }

  async #readStore(): Promise<Figures | undefined> {
    const startMs = this.#clock.monotonicMs();
    this.#kept = undefined;
    try {
      const figures = { ...(await this.#store.jobs.stats()), nonces: await this.#store.replay.size() };
      const nowMs = this.#clock.monotonicMs();
      this.#kept = { figures, untilMs: nowMs + Math.max(KEPT_MS, KEPT_TIMES * (nowMs - startMs)) };
      return figures;
    } catch {
      return undefined;
    }
  }
}

/** Adds the metrics of a store. While it is unavailable, `sealwire_store_up` is 0 and its figures are omitted. */
export function addStoreMetrics(
  { Gauge }: Pick<typeof import("prom-client"), "Gauge">,
  registers: Registry[],
  { store, clock }: { readonly store: Store; readonly clock: Clock },
): void {
  const figures = new StoreFigures(store, clock);
  new Gauge({
    name: "sealwire_store_up",
    help: "1 if this process can use the store, 0 if it is unavailable or must not be used.",
    registers,
    async collect() {
      this.set(store.condition.serving && (await figures.read()) !== undefined ? 1 : 0);
    },
  });
  new Gauge({
    name: "sealwire_jobs",
    help: "Jobs in the store, by state. In a large store on PostgreSQL, the number of ended jobs is an estimate.",
    labelNames: ["state"],
    registers,
    async collect() {
      const found = await figures.read();
      if (found === undefined) return this.reset();
      for (const state of JOB_STATES) this.set({ state }, found.byState[state]);
    },
  });
  new Gauge({
    name: "sealwire_job_queue_age_seconds",
    help: "Age of the oldest job that could run now.",
    registers,
    async collect() {
      const found = await figures.read();
      if (found === undefined) this.remove();
      else this.set(found.oldestQueuedMs / 1000);
    },
  });
  new Gauge({
    name: "sealwire_nonces",
    help: "Nonces stored against replay. In a large store on PostgreSQL, the number is an estimate.",
    registers,
    async collect() {
      const found = await figures.read();
      if (found === undefined) this.remove();
      else this.set(found.nonces);
    },
  });
  addConnections(Gauge, registers, store);
}

/** Adds the database connections. A store in a folder has none. */
function addConnections(Gauge: typeof import("prom-client").Gauge, registers: Registry[], store: Store): void {
  new Gauge({
    name: "sealwire_store_connections",
    help: "Connections to the database of a shared store, by whether they are in use.",
    labelNames: ["state"],
    registers,
    collect() {
      if (store.connections === undefined) return;
      this.set({ state: "used" }, store.connections.used);
      this.set({ state: "idle" }, store.connections.idle);
    },
  });
  const single = (name: string, help: string, of: "most" | "waiting") => {
    const gauge = new Gauge({
      name,
      help,
      registers,
      collect() {
        if (store.connections !== undefined) this.set(store.connections[of]);
      },
    });
    if (store.connections === undefined) gauge.remove();
  };
  single("sealwire_store_connections_max", "Maximum number of database connections of the process.", "most");
  single("sealwire_store_connections_waiting", "Operations that wait for a database connection.", "waiting");
}
