import type { Bench } from "../report/result.ts";

/** All benches by name, in the order in which they run. */
export const benches = {
  calls: async () => (await import("./calls.ts")).calls,
  parts: async () => (await import("./parts.ts")).parts,
  traces: async () => (await import("./traces.ts")).traces,
  audit: async () => (await import("./audit.ts")).audit,
  connections: async () => (await import("./connections.ts")).connections,
  upstream: async () => (await import("./upstream.ts")).upstream,
  mcp: async () => (await import("./mcp.ts")).mcp,
  sizes: async () => (await import("./sizes.ts")).sizes,
  jobs: async () => (await import("./jobs.ts")).jobs,
  attempts: async () => (await import("./attempts.ts")).attempts,
  costs: async () => (await import("./costs.ts")).costs,
  growth: async () => (await import("./growth.ts")).growth,
  watchers: async () => (await import("./watchers.ts")).watchers,
  console: async () => (await import("./console.ts")).consolePages,
  start: async () => (await import("./start.ts")).start,
  processes: async () => (await import("./processes.ts")).processes,
  hostile: async () => (await import("./hostile.ts")).hostile,
  client: async () => (await import("./client.ts")).client,
  languages: async () => (await import("./languages.ts")).languageCosts,
} satisfies Record<string, () => Promise<Bench>>;

/** Name of a bench, as the command line takes it. */
export type BenchName = keyof typeof benches;
