import type { BenchName } from "../../bench/benches/benches.ts";
import { findRedis } from "../../bench/peers/find-redis.ts";
import { findPostgres } from "../../examples/cluster/private-postgres.ts";
import { findBrowser } from "../interop/console/browser.ts";

const PEERS = {
  PostgreSQL: { find: findPostgres, program: "initdb" },
  Redis: { find: findRedis, program: "redis-server" },
  Chromium: { find: findBrowser, program: "chromium" },
};

/** What some benches start beside Sealwire. */
const NEEDED: Partial<Record<BenchName, readonly (keyof typeof PEERS)[]>> = {
  calls: ["PostgreSQL"],
  jobs: ["PostgreSQL", "Redis"],
  costs: ["PostgreSQL"],
  growth: ["PostgreSQL"],
  console: ["PostgreSQL", "Chromium"],
};

/** Why a bench cannot run on this machine, `undefined` if it can. Where everything must run (CI) it throws instead. */
export function whyNotMeasured(name: BenchName): string | undefined {
  const missing = (NEEDED[name] ?? []).find((peer) => PEERS[peer].find() === undefined);
  if (missing === undefined) return undefined;
  const reason = `${missing} is not installed: there is no ${PEERS[missing].program}`;
  if (process.env.CI) throw new Error(`${reason}, and CI skips nothing`);
  return reason;
}
