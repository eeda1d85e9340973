/** How much is done in a long run. */
export interface Counts {
  /** Processes that are killed in each scenario that loses nothing. */
  readonly kills: number;
  /** Strikes on the store in each scenario about files and failovers. */
  readonly strikes: number;
  /** Strikes on the cluster that fails over by itself. */
  readonly clusterStrikes: number;
  /** Upstreams that are killed in each scenario in which they are; a tenth as many servers are killed, or drain. */
  readonly upstreamKills: number;
  /** Draws of each property. */
  readonly runs: number;
}

/** One of the suites that a long run is made of. */
export interface LongSuite {
  readonly name: string;
  /** What its figures count. */
  readonly counts: string;
  /** The arguments of Node.js. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it prints is part of the result. */
  readonly showsFigures?: boolean;
}

/** The suites of the client packages. */
const CLIENTS = ["go", "java", "python", "rust", "typescript"].map((language) => `interop/${language}.interop`);

/** The suites of a long run, in their order. */
export function longSuites({ kills, strikes, clusterStrikes, upstreamKills, runs }: Counts): readonly LongSuite[] {
  const campaign = (faults: string, struck: readonly string[]): LongSuite => ({
    name: `crash: ${faults}`,
    counts: struck.join(" "),
    args: ["test/crash/run.ts", "--faults", faults, ...struck],
  });
  const killed = ["--kills", String(kills)];
  const struck = ["--kills", String(strikes), "--strikes", String(strikes)];
  const upstreams = ["--kills", String(Math.ceil(upstreamKills / 10)), "--strikes", String(upstreamKills)];
  return [
    {
      name: "usual tests, long properties",
      counts: `${runs} draws a property`,
      args: ["test/run.ts", "--jobs", "1", "--limit-ms", "3600000"],
      env: { SEALWIRE_FC_RUNS: String(runs) },
    },
    { name: "long tests", counts: "", args: ["test/run.ts", "--long", "--jobs", "1"] },
    {
      name: "unkind neighbours",
      counts: "",
      args: ["test/run.ts", "--hostile", "--show", "--jobs", "1"],
      showsFigures: true,
    },
    {
      name: "upstreams in four languages",
      counts: "away for 60 s",
      args: ["test/run.ts", "--interop", "--show", "--jobs", "1", "interop/upstream/serving"],
      env: { SEALWIRE_AWAY_SECONDS: "60" },
    },
    {
      name: "clients in five languages",
      counts: "10,000 random calls and 10,000 watches each",
      args: ["test/run.ts", "--interop", "--show", "--jobs", "1", ...CLIENTS],
      env: { SEALWIRE_FULL: "1" },
    },
    {
      name: "agents",
      counts: "conformance, inspector, round trip, jobs of 70 s",
      args: ["test/run.ts", "--interop", "--show", "--jobs", "1", "interop/mcp"],
    },
    campaign("sqlite", killed),
    campaign("postgres", killed),
    campaign("files", struck),
    campaign("failover", struck),
    campaign("lossy-failover", struck),
    campaign("high-availability", ["--kills", "0", "--strikes", String(clusterStrikes)]),
    campaign("upstream-sqlite", upstreams),
    campaign("upstream-postgres", upstreams),
    campaign("drain-sqlite", upstreams),
    campaign("drain-postgres", upstreams),
    {
      name: "crash: planted faults, lost workers",
      counts: "",
      args: ["test/run.ts", "--crash", "--show", "--jobs", "1", "crash/planted", "crash/lost"],
      showsFigures: true,
    },
  ];
}
