import { SealwireClient } from "../../src/client/client.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { createServer } from "../../src/server/server.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { buildKeyRing } from "../../src/signing/key-ring/key-ring.ts";
import { memoryKeyRing } from "../../src/signing/key-ring/memory-key-ring.ts";
import type { VerificationKey } from "../../src/signing/key-ring/types.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { DatabaseMeter, type Spent } from "../process/database-meter.ts";
import type { Bench, Cell } from "../report/result.ts";
import { median } from "../report/statistics.ts";
import { benchJob, runEmptyJobs } from "../variants/filled-store.ts";
import { NUMBERS } from "../variants/work.ts";

const CALLERS = 64;
const CALLS = 10_000;
const JOBS = 2_000;
/** Fewer take less CPU time than Linux counts: a hundredth of a second. */
const FEWEST = 500;
const OWNER = "owner";
const ACCEPTED = "a job accepted";
const SETTLED = "a job claimed and settled";
/** Number of cores of the database for which the capacity is computed. */
const CORES = 4;
const UNLIMITED = {
  callsPerSecond: 1_000_000,
  burst: 1_000_000,
  callsInFlight: 10_000,
  openJobs: 1_000_000,
  openWatches: 10_000,
};

/** The database's cost of a call and a job: CPU, write-ahead log and disk. */
export const costs: Bench = {
  title: "What PostgreSQL pays",
  async run({ rounds, scale, progress }) {
    await using postgres = await PostgresServer.start({ synced: true });
    const schema = await postgres.newSchema();
    await using connection = await postgres.connect(schema);
    await using store = await openPostgresStore({ url: postgres.url(schema) });
    const meter = await DatabaseMeter.of(connection, schema);
    await using caller = await startCaller(store);
    const [calls, jobs] = [CALLS, JOBS].map((count) => Math.max(FEWEST, Math.round(count / scale))) as [number, number];

    const steps: readonly { readonly title: string; readonly count: number; readonly run: () => Promise<unknown> }[] = [
      { title: "a call: its nonce", count: calls, run: () => sideBySide(calls, () => caller.call()) },
      {
        title: ACCEPTED,
        count: jobs,
        run: () => sideBySide(jobs, () => store.jobs.submit(benchJob(OWNER, "empty"))),
      },
      { title: SETTLED, count: jobs, run: () => runAll(store, jobs) },
    ];
    const raw: Record<string, Spent[]> = Object.fromEntries(steps.map(({ title }) => [title, []]));
    for (let round = -1; round < rounds; round++) {
      progress(round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`);
      for (const { title, count, run } of steps) {
        const before = await meter.read();
        await run();
        const each = perPiece(before, await meter.read(), count);
        // The first round is a warm-up.
        if (round >= 0) raw[title]?.push(each);
      }
    }
    return {
      tables: [
        {
          title: `What one costs, ${CALLERS} at a time`,
          columns: ["", "database CPU (µs)", "WAL (bytes)", "kept on disk (bytes)", `a second on ${CORES} cores`],
          rows: [
            ...steps.map(({ title }) => row(title, raw[title] ?? [])),
            row(
              "a job from start to end",
              (raw[ACCEPTED] ?? []).map((each, round) => sum(each, raw[SETTLED]?.[round])),
            ),
          ],
        },
      ],
      settings: `${rounds} rounds of ${calls.toLocaleString("en-US")} calls and ${jobs.toLocaleString("en-US")} jobs, medians; database, server and client share the cores`,
      raw,
    };
  },
};

function row(title: string, rounds: readonly Spent[]): readonly Cell[] {
  const of = (name: keyof Spent): number => median(rounds.map((each) => each[name]));
  return [title, of("cpuUs"), of("walBytes"), of("keptBytes"), (CORES * 1e6) / of("cpuUs")];
}

function sum(one: Spent, other: Spent = one): Spent {
  return {
    cpuUs: one.cpuUs + other.cpuUs,
    walBytes: one.walBytes + other.walBytes,
    keptBytes: one.keptBytes + other.keptBytes,
  };
}

function perPiece(before: Spent, after: Spent, count: number): Spent {
  const of = (name: keyof Spent): number => (after[name] - before[name]) / count;
  return { cpuUs: of("cpuUs"), walBytes: of("walBytes"), keptBytes: of("keptBytes") };
}

/** Runs an operation `count` times, with as many concurrent runs as there are callers. */
async function sideBySide(count: number, once: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const queue = async (): Promise<void> => {
    for (; begun < count; ) {
      begun += 1;
      await once();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, queue));
}

/** Runs the queued jobs. Resolves when all of them are settled. */
async function runAll(store: Store, count: number): Promise<void> {
  await using _worker = await runEmptyJobs(store.jobs, count, CALLERS);
}

/** A server on the store, and a client of it. */
async function startCaller(store: Store): Promise<{ call(): Promise<unknown> } & AsyncDisposable> {
  const context = { nowMs: Date.now(), random: systemRandom };
  const added = addKey(newKeyRing("bench", context), { clientId: "alice", tools: ["*"], limits: UNLIMITED }, context);
  const ring = buildKeyRing(added.document);
  const server = await createServer({
    keyRing: memoryKeyRing(added.document),
    store,
    tools: [demoTools()],
    work: false,
  });
  const { address } = await server.listen("127.0.0.1:0");
  const credentials = credentialsOf(ring.find(added.keyId) as VerificationKey, { serverId: "bench", address });
  const client = new SealwireClient({ credentials, pipeline: true });
  return {
    call: () => client.call("batch_sum", { numbers: NUMBERS }),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
