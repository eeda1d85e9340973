import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../src/errors.ts";
import type { JobEngine, JobRun, SubmitSpec } from "../../src/jobs/engine.ts";
import type { JobPolicy } from "../../src/jobs/job.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { ARGS, RESULT } from "./work.ts";

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
/** Number of jobs that the engine submits. The others are copies of their rows. */
const SEED = 1_000;

/** The engine of the store. */
export type Engine = "sqlite" | "postgres";

/** An empty store that can be closed, filled by copying rows and opened again. */
interface Fillable {
  open(): Promise<Store>;
  /**
   * Copies the rows of the first jobs until there are `times` as many, because submitting a million jobs takes minutes.
   */
  copyJobs(seed: number, times: number): Promise<void>;
}

/**
 * Opens a store with `count` jobs of a hundred owners, or of more. Half of them were cancelled; the others are queued for the
 * tool "parked", which no worker has.
 */
export async function openFilledStore(engine: Engine, count: number, owners = OWNERS): Promise<Store> {
  const fillable = engine === "sqlite" ? inFile() : await inDatabase();
  const seed = Math.min(SEED, count);
  const store = await fillable.open();
  await Promise.all(
    Array.from({ length: seed }, async (_, index) => {
      const owner = `owner-${index % owners}`;
      const { job } = await store.jobs.submit(benchJob(owner, "parked"));
      if (owners < SEED ? Math.floor(index / owners) % 2 === 1 : index % 2 === 1)
        await store.jobs.cancel(owner, job.jobId);
    }),
  );
  if (count <= seed) return store;
  await store[Symbol.asyncDispose]();
  await fillable.copyJobs(seed, Math.ceil(count / seed));
  return fillable.open();
}

/** A job to submit, with a new request id. */
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

/** Runs jobs of the tool "empty" until `count` have begun. Disposing the result settles them. */
export async function runEmptyJobs(jobs: JobEngine, count: number, concurrency: number): Promise<AsyncDisposable> {
  const all = Promise.withResolvers<void>();
  let started = 0;
  const handler = async (): Promise<Uint8Array> => {
    started += 1;
    if (started === count) all.resolve();
    return RESULT;
  };
  const worker = await jobs.work(new Map([["empty", handler]]), { concurrency });
  await all.promise;
  return worker;
}

/** Starts jobs whose first attempts fail and run again at once, and resolves when all have succeeded. */
export async function runFailingJobs(
  engine: JobEngine,
  { jobs, failures, concurrency }: { readonly jobs: number; readonly failures: number; readonly concurrency: number },
): Promise<void> {
  const policy = { ...POLICY, maxAttempts: failures + 1, initialBackoffMs: 1, maxBackoffMs: 1 };
  const all = Promise.withResolvers<void>();
  let ended = 0;
  const handler = async ({ attempt }: JobRun): Promise<Uint8Array> => {
    if (attempt <= failures) throw new SealwireError("TOOL_FAILED", "once more", { retryable: true });
    ended += 1;
    if (ended === jobs) all.resolve();
    return RESULT;
  };
  await Promise.all(Array.from({ length: jobs }, () => engine.submit({ ...benchJob("owner-1", "failing"), policy })));
  await using _worker = await engine.work(new Map([["failing", handler]]), { concurrency });
  await all.promise;
}

function inFile(): Fillable {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-bench-"));
  const path = join(folder, "store.db");
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return {
    open: () => openSqliteStore({ path }),
    async copyJobs(seed, times) {
      const db = new DatabaseSync(path);
      const columns = db.prepare("SELECT name FROM pragma_table_info('job')").all();
      const { into, values } = copied(columns.map(({ name }) => String(name)));
      const jobs = db.prepare(`INSERT INTO job (${into}) SELECT ${values} FROM job WHERE seq <= :seed`);
      const args = db.prepare("INSERT INTO job_args SELECT seq + :copy * :seed, args FROM job_args WHERE seq <= :seed");
      db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN");
      for (let copy = 1; copy < times; copy++) {
        jobs.run({ copy, seed });
        args.run({ copy, seed });
      }
      db.exec(
        "DELETE FROM job_count; INSERT INTO job_count SELECT state, owner, count(*) FROM job GROUP BY owner, state; COMMIT",
      );
      db.close();
    },
  };
}

async function inDatabase(): Promise<Fillable> {
  const postgres = await PostgresServer.start({ synced: true });
  const schema = await postgres.newSchema();
  process.once("exit", () => postgres.crash());
  return {
    open: () => openPostgresStore({ url: postgres.url(schema) }),
    async copyJobs(seed, times) {
      await using client = await postgres.connect(schema);
      const { rows } = await client.query(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'job' AND table_schema = $1",
        [schema],
      );
      const { into, values } = copied(rows.map(({ column_name: name }) => String(name)));
      const numbered = values.replaceAll(":copy", "copy").replaceAll(":seed", String(seed));
      const copies = `generate_series(1, ${times - 1}) AS copy WHERE seq <= ${seed}`;
      await client.query(`INSERT INTO job (${into}) OVERRIDING SYSTEM VALUE SELECT ${numbered} FROM job, ${copies}`);
      await client.query(`INSERT INTO job_args SELECT seq + copy * ${seed}, args FROM job_args, ${copies}`);
      await client.query(`SELECT setval(pg_get_serial_sequence('job', 'seq'), ${seed * times})`);
      await client.query("VACUUM ANALYZE");
    },
  };
}

/** The columns of a job and their values in a copy. */
function copied(columns: readonly string[]): { readonly into: string; readonly values: string } {
  const values = columns.map((name) => {
    if (name === "seq") return "seq + :copy * :seed";
    return name === "job_id" || name === "request_id" ? `${name} || ':' || :copy` : name;
  });
  return { into: columns.join(", "), values: values.join(", ") };
}
