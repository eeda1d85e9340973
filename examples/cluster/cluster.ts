import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readCredentials, SealwireClient } from "../../src/index.ts";
import { Load } from "./load.ts";
import { PrivatePostgres } from "./private-postgres.ts";
import { type Place, Replica, sealwire } from "./processes.ts";

/*
 * Runs three servers and two workers on one PostgreSQL server under load and kills one of each: `node
 * examples/cluster/cluster.ts`. PostgreSQL must be installed, but need not run. Exits with 1 if anything was lost.
 */
const PORTS = [50_071, 50_072, 50_073];
const WORKERS = 2;
const CALLERS = 6;
const RING = ["--server-secret-file", "server-secrets.json"];

await using stack = new AsyncDisposableStack();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void stack.disposeAsync().then(() => process.exit(1)));
}

const postgres = stack.use(await PrivatePostgres.start());
const folder = await mkdtemp(join(tmpdir(), "sealwire-cluster-"));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const place: Place = { folder, store: postgres.url() };

await sealwire(place, "store", "migrate");
const limits = ["--calls-per-second", "10000", "--burst", "10000", "--open-jobs", "100000"];
const atOnce = ["--not-before", "2026-01-01T00:00:00Z"];
await sealwire(
  place,
  "keys",
  "add",
  "load",
  "--server-id",
  "cluster",
  "--tools",
  "*",
  "--out",
  "load.json",
  ...RING,
  ...limits,
  ...atOnce,
);

const servers = PORTS.map((port) => {
  return stack.use(new Replica(place, "serve", "--demo-tools", "--no-work", "--listen", `127.0.0.1:${port}`, ...RING));
});
const workers = Array.from({ length: WORKERS }, () => stack.use(new Replica(place, "work", "--demo-tools")));
await Promise.all([...servers, ...workers].map((replica) => replica.start()));
console.log(`${servers.length} servers and ${workers.length} workers share ${place.store}`);

const client = stack.use(
  new SealwireClient({
    credentials: await readCredentials(join(folder, "load.json")),
    address: PORTS.map((port) => `127.0.0.1:${port}`),
    retry: { maxAttempts: 50 },
  }),
);
const load = new Load(client, CALLERS);

/** Waits while the load runs, then runs `act`. */
async function after(seconds: number, what: string, act: () => Promise<void> | void): Promise<void> {
  await sleep(seconds * 1000);
  const { calls, jobs } = load.figures;
  console.log(`${String(calls).padStart(6)} calls, ${String(jobs.length).padStart(4)} jobs: ${what}`);
  await act();
}

await after(3, "kill -9 of a server", async () => servers[0]?.kill());
await after(3, "it comes back", async () => servers[0]?.start());
await after(3, "kill -9 of a worker", async () => workers[0]?.kill());
await after(3, "it comes back", async () => workers[0]?.start());
await after(3, "the database crashes and starts again", () => {
  postgres.crash();
  postgres.startAgain();
});
await after(5, "the load ends", () => load.stop());

const { calls, jobs, failures } = load.figures;
let lost = 0;
for (const jobId of jobs) {
  try {
    await client.job(jobId).result({ timeoutMs: 60_000 });
  } catch (error) {
    lost += 1;
    console.log(`job ${jobId}: ${(error as Error).message}`);
  }
}
for (const failure of failures) console.log(`call failed: ${failure.message}`);
console.log(`${calls} calls answered, ${failures.length} failed; ${jobs.length} jobs accepted, ${lost} lost`);
process.exitCode = failures.length + lost === 0 ? 0 : 1;
