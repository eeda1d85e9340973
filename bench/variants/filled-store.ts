import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SubmitSpec } from "../../src/jobs/engine.ts";
import type { JobPolicy } from "../../src/jobs/job.ts";
import { openSqliteStore } from "../../src/jobs/sqlite/open.ts";
import type { Store } from "../../src/jobs/store.ts";
import { ARGS } from "./work.ts";

const DAY_MS = 86_400_000;
const POLICY: JobPolicy = {
  priority: 0,
  executionTimeoutMs: 60_000,
  queueTimeoutMs: DAY_MS,
  heartbeatTimeoutMs: undefined,
  maxAttempts: 3,
  initialBackoffMs: 1_000,
  maxBackoffMs: 60_000,
  retentionMs: DAY_MS,
  cancelGraceMs: 10_000,
};
const OWNERS = 100;
/** Jobs that the engine itself submits; the rest are copies of their rows. */
const SEED = 1_000;

/**
 * Opens a SQLite store with so many jobs of a hundred owners. Every second one was cancelled; the others wait for the
 * tool "parked", which no worker has.
 */
export async function openFilledStore(count: number): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
  const path = join(folder, "store.db");
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const seed = Math.min(SEED, count);
  const store = await openSqliteStore({ path });
  await Promise.all(
    Array.from({ length: seed }, async (_, index) => {
      const owner = `owner-${index % OWNERS}`;
      const { job } = await store.jobs.submit(benchJob(owner, "parked"));
      if (Math.floor(index / OWNERS) % 2 === 1) await store.jobs.cancel(owner, job.jobId);
    }),
  );
  if (count <= seed) return store;
  await store[Symbol.asyncDispose]();
  copyJobs(path, seed, Math.ceil(count / seed));
  return openSqliteStore({ path });
}

/** A job to submit, with a request id of its own. */
export function benchJob(owner: string, tool: string): SubmitSpec {
  return {
    owner,
    tool,
    requestId: randomUUID(),
    intentDigest: Buffer.alloc(32, 1),
    args: ARGS,
    policy: POLICY,
    openJobsMax: 1_000_000_000,
  };
}

/** Copies the rows of the first jobs until there are `times` as many: a million by the engine would take minutes. */
function copyJobs(path: string, seed: number, times: number): void {
  const db = new DatabaseSync(path);
  const columns = db
    .prepare("SELECT name FROM pragma_table_info('job')")
    .all()
    .map(({ name }) => String(name));
  const values = columns.map((name) => {
    if (name === "seq") return "seq + :copy * :seed";
    return name === "job_id" || name === "request_id" ? `${name} || ':' || :copy` : name;
  });
  const jobs = db.prepare(`INSERT INTO job (${columns}) SELECT ${values} FROM job WHERE seq <= :seed`);
  const args = db.prepare("INSERT INTO job_args SELECT seq + :copy * :seed, args FROM job_args WHERE seq <= :seed");
  db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN");
  for (let copy = 1; copy < times; copy++) {
    jobs.run({ copy, seed });
    args.run({ copy, seed });
  }
  db.exec("COMMIT");
  db.close();
}
