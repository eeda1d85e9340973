import type { EngineName } from "./site.ts";

/** How processes are ended: by SIGKILL, by SIGTERM, by either, or not at all. */
export type ProcessEnd = "kill" | "drain" | "either" | "none";

/** A scenario: the engine, the faults of its store, and the faults of its processes. */
export interface Scenario {
  readonly engine: EngineName;
  /** The faults of the store; "upstreams": those of the upstreams instead. */
  readonly strikes: "disk" | "database" | "files" | "failover" | "lossy failover" | "high availability" | "upstreams";
  readonly ends: ProcessEnd;
  /** Whether processes sometimes have wrong clocks. */
  readonly clocks: boolean;
  /** Whether processes are sometimes frozen. */
  readonly freezes: boolean;
  /**
   * Maximum lifetime of a process, in milliseconds. Processes that share a store must sometimes run at the same time.
   */
  readonly lifeMs: number;
  /** Number of processes that share the store: servers, the last of which also runs jobs, and workers. */
  readonly fleet: { readonly servers: number; readonly workers: number };
  /** Maximum time by which frames may be ahead, in milliseconds. A new store refuses frames for this time. */
  readonly maxAheadMs?: number;
}

const LOST_AHEAD_MS = 2_000;
const KILL = { ends: "kill" } as const;
/** Scenarios in which the called tools run at upstreams, which are ended and replaced. */
const UPSTREAMS = { strikes: "upstreams", clocks: false, freezes: false, lifeMs: 4_000 } as const;
const ALONE = { servers: 1, workers: 0 };
const FEW = { servers: 2, workers: 1 };

/** The scenarios by the names that `npm run test:crash -- --faults` takes. */
export const SCENARIOS = {
  /** All faults that a store on SQLite survives without loss. */
  sqlite: { ...KILL, engine: "sqlite", fleet: ALONE, strikes: "disk", clocks: true, freezes: true, lifeMs: 1_500 },
  /** All faults that a store on one PostgreSQL server survives without loss. */
  postgres: {
    ...KILL,
    engine: "postgres",
    fleet: { servers: 3, workers: 2 },
    strikes: "database",
    clocks: true,
    freezes: true,
    lifeMs: 5_000,
  },
  /** Files of a store on SQLite are deleted or replaced: what was stored is lost, but no frame is accepted twice. */
  files: {
    ...KILL,
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
    ...KILL,
    engine: "postgres",
    fleet: FEW,
    strikes: "failover",
    clocks: true,
    freezes: true,
    lifeMs: 8_000,
    maxAheadMs: LOST_AHEAD_MS,
  },
  /** A standby that was behind takes over: unreplicated data is lost, but no frame is accepted twice. */
  "lossy-failover": {
    ...KILL,
    engine: "postgres",
    fleet: FEW,
    strikes: "lossy failover",
    clocks: false,
    freezes: false,
    lifeMs: 8_000,
    maxAheadMs: LOST_AHEAD_MS,
  },
  /**
   * The members of a cluster of Patroni, and its etcd, are killed and frozen: nothing is lost. Processes run on, so that the
   * time without service is that of the cluster.
   */
  "high-availability": {
    ends: "none",
    engine: "postgres",
    fleet: FEW,
    strikes: "high availability",
    clocks: false,
    freezes: false,
    lifeMs: 0,
    maxAheadMs: LOST_AHEAD_MS,
  },
  /** Upstreams and servers are killed or drain. */
  "upstream-sqlite": { ...UPSTREAMS, engine: "sqlite", fleet: ALONE, ends: "either" },
  "upstream-postgres": { ...UPSTREAMS, engine: "postgres", fleet: FEW, ends: "either" },
  /** Upstreams and servers only drain: no attempt of a job counts as a failure. */
  "drain-sqlite": { ...UPSTREAMS, engine: "sqlite", fleet: ALONE, ends: "drain" },
  "drain-postgres": { ...UPSTREAMS, engine: "postgres", fleet: FEW, ends: "drain" },
} as const satisfies Readonly<Record<string, Scenario>>;

/** The name of one of {@link SCENARIOS}. */
export type ScenarioName = keyof typeof SCENARIOS;
