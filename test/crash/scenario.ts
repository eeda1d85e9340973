import type { EngineName } from "./site.ts";

/** What a campaign is about: which engine, what is done to its store, and what else happens meanwhile. */
export interface Scenario {
  readonly engine: EngineName;
  /** What strikes the store. */
  readonly strikes: "disk" | "database" | "files" | "failover" | "lossy failover";
  /** Clocks of processes are wrong at times. */
  readonly clocks: boolean;
  /** Processes are frozen at times. */
  readonly freezes: boolean;
  /** How long a process lives at most, in milliseconds. Those that share a store have to be up together now and then. */
  readonly lifeMs: number;
  /** How many processes share the store: servers, of which the last works as well, and workers. */
  readonly fleet: { readonly servers: number; readonly workers: number };
  /** How far ahead stamps may be, in milliseconds. A store made anew refuses frames for as long. */
  readonly maxAheadMs?: number;
}

const LOST_AHEAD_MS = 2_000;
const ALONE = { servers: 1, workers: 0 };
const FEW = { servers: 2, workers: 1 };

/** The scenarios by the names that `npm run test:crash -- --faults` takes. */
export const SCENARIOS = {
  /** Everything that a store on SQLite bears without loss. */
  sqlite: { engine: "sqlite", fleet: ALONE, strikes: "disk", clocks: true, freezes: true, lifeMs: 1_500 },
  /** Everything that a store on one PostgreSQL server bears without loss. */
  postgres: {
    engine: "postgres",
    fleet: { servers: 3, workers: 2 },
    strikes: "database",
    clocks: true,
    freezes: true,
    lifeMs: 5_000,
  },
  /** Files of a store on SQLite are deleted or replaced: what was stored is lost, but no frame is accepted twice. */
  files: {
    engine: "sqlite",
    fleet: ALONE,
    strikes: "files",
    clocks: false,
    freezes: false,
    lifeMs: 8_000,
    maxAheadMs: LOST_AHEAD_MS,
  },
  /** A synchronous standby takes over: nothing is lost. */
  failover: {
    engine: "postgres",
    fleet: FEW,
    strikes: "failover",
    clocks: true,
    freezes: true,
    lifeMs: 8_000,
    maxAheadMs: LOST_AHEAD_MS,
  },
  /** A standby takes over that was behind: what it had not got is lost, but no frame is accepted twice. */
  "lossy-failover": {
    engine: "postgres",
    fleet: FEW,
    strikes: "lossy failover",
    clocks: false,
    freezes: false,
    lifeMs: 8_000,
    maxAheadMs: LOST_AHEAD_MS,
  },
} as const satisfies Readonly<Record<string, Scenario>>;

/** Names one of {@link SCENARIOS}. */
export type ScenarioName = keyof typeof SCENARIOS;
