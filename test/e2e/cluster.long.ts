// test-limit-ms: 600000
import { SealwireClient } from "../../src/client/client.ts";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { RawClient, signRaw } from "../support/raw-client.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Cluster } from "./cluster.ts";

const test = suite("e2e/cluster");

const IDENTITY = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const FRAMES = 1_000;
const JOBS = 20;

let postgres: PostgresServer;
let cluster: Cluster;

/** One client for each server. */
async function clients(): Promise<SealwireClient[]> {
  const credentials = await cluster.credentials();
  return cluster.addresses().map((address) => new SealwireClient({ credentials, address }));
}

async function closing<T>(opened: readonly SealwireClient[], body: (...clients: SealwireClient[]) => Promise<T>) {
  try {
    return await body(...opened);
  } finally {
    await Promise.all(opened.map((client) => client[Symbol.asyncDispose]()));
  }
}

const task = (client: SealwireClient, seconds: number) => client.call("start_long_task", { seconds, payload: {} });

async function startTask(client: SealwireClient, seconds: number) {
  const { job } = await task(client, seconds);
  if (job === undefined) throw new Error("no job was started");
  return job;
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (hasPostgres(test)) {
  test.before(async () => {
    postgres = await PostgresServer.start();
    cluster = await Cluster.start(postgres, { servers: 3, workers: 2 });
  });
  test.after(async () => {
    await cluster[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  test("the same signed frame sent to three servers at once is accepted exactly once, a thousand times", async () => {
    const credentials = await cluster.credentials();
    const raw = cluster.addresses().map((address) => new RawClient(address, credentials));
    for (let sent = 0; sent < FRAMES; sent += 1) {
      const frame = signRaw(credentials, IDENTITY);
      const answers = await Promise.all(raw.map((client) => client.send(frame)));
      const reasons = answers.map(({ reason = "accepted" }) => reason).sort();
      assert.equal(reasons, ["REPLAYED", "REPLAYED", "accepted"]);
    }
    for (const client of raw) client[Symbol.dispose]();
  });

  test("a watch on one server sees what another one did, and a cancel on a third reaches the worker", async () =>
    closing(await clients(), async (a, b, c) => {
      const delays: number[] = [];
      for (let round = 0; round < JOBS; round += 1) {
        const started = await startTask(b as SealwireClient, 20);
        const handle = (a as SealwireClient).job(started.jobId);
        let cancelledAtMs = 0;
        for await (const { state } of handle.watch()) {
          if (state === "RUNNING" && cancelledAtMs === 0) {
            cancelledAtMs = performance.now();
            await (c as SealwireClient).job(started.jobId).cancel();
          }
          if (state === "CANCELLED") delays.push(performance.now() - cancelledAtMs);
        }
      }
      assert.is(delays.length, JOBS);
      console.log(`cancel on C to the end seen on A: ${median(delays).toFixed(1)} ms at the median`);
    }));

  test("a long-poll on one server answers when the job ends on another", async () =>
    closing(await clients(), async (a, b) => {
      const started = await startTask(b as SealwireClient, 1);
      const polled = await (a as SealwireClient).job(started.jobId).poll({ waitMs: 20_000, afterRevision: 2 });
      assert.ok(polled.revision > 2);
    }));

  test("a revoked key is refused by every server, and its open watches end", async () => {
    await cluster.addClient("mallory");
    const credentials = await cluster.credentials("mallory");
    const raw = cluster.addresses().map((address) => new RawClient(address, credentials));
    const [first] = raw as [RawClient, ...RawClient[]];
    await eventually("the key is known everywhere", async () =>
      (await Promise.all(raw.map((client) => client.call(IDENTITY)))).every(({ code }) => code === 0),
    );
    const client = new SealwireClient({ credentials, address: cluster.addresses()[0] ?? "" });
    const job = await startTask(client, 20);
    const watched = rejection(
      "KEY_REVOKED",
      (async () => {
        for await (const _ of client.job(job.jobId).watch());
      })(),
    );
    await cluster.revoke(credentials.keyId);
    const revokedAtMs = performance.now();
    await watched;
    for (const each of raw) {
      await eventually("it is refused", async () => (await each.call(IDENTITY)).reason === "SIGNATURE_INVALID");
    }
    console.log(`revoked everywhere after ${(performance.now() - revokedAtMs).toFixed(0)} ms`);
    assert.is((await first.call(IDENTITY)).reason, "SIGNATURE_INVALID");
    for (const each of raw) each[Symbol.dispose]();
    await client[Symbol.asyncDispose]();
  });

  test("a database that goes away and comes back costs the client library nothing but time", async () =>
    closing(await clients(), async (a, b) => {
      const job = await startTask(b as SealwireClient, 3);
      const watched = (async () => {
        let last = "";
        for await (const { state } of (a as SealwireClient).job(job.jobId).watch()) last = state;
        return last;
      })();
      postgres.crash();
      const credentials = await cluster.credentials();
      using raw = new RawClient(cluster.addresses()[0] ?? "", credentials);
      const refused = await raw.call(IDENTITY);
      assert.is(refused.reason, "UNAVAILABLE");
      assert.ok(refused.responses[0]?.error?.retryDelay !== undefined);
      const calls = Array.from({ length: 20 }, () => (b as SealwireClient).call("batch_sum", { numbers: [1, 2] }));
      postgres.startAgain();
      for (const { ok } of await Promise.all(calls)) assert.ok(ok);
      assert.is(await watched, "SUCCEEDED");
    }));

  test("replicas replaced one by one under load fail no call and lose no job", async () => {
    const credentials = await cluster.credentials();
    const spread = Array.from({ length: 3 }, () => new SealwireClient({ credentials, address: cluster.addresses() }));
    return closing(spread, async (...all) => {
      let stopping = false;
      const jobs: string[] = [];
      const load = all.map(async (client) => {
        while (!stopping) {
          assert.ok((await client.call("batch_sum", { numbers: [1, 2, 3.5] }, { timeoutMs: 60_000 })).ok);
          jobs.push((await startTask(client, 1)).jobId);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      });
      for (const [index, server] of cluster.servers.entries()) {
        server.process.child.kill("SIGTERM");
        assert.is((await server.process.ended).code, 0);
        await cluster.startServer(index);
      }
      for (const [index, worker] of cluster.workers.entries()) {
        worker.child.kill("SIGTERM");
        assert.is((await worker.ended).code, 0);
        await cluster.startWorker(index);
      }
      stopping = true;
      await Promise.all(load);
      const [client] = all as [SealwireClient];
      for (const jobId of jobs) {
        const { state } = await client.job(jobId).poll({ waitMs: 45_000, afterRevision: Number.MAX_SAFE_INTEGER });
        assert.is(state, "SUCCEEDED");
      }
      console.log(`${jobs.length} jobs through a rolling restart`);
    });
  });
}

test.run();
