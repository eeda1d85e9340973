import { status } from "@grpc/grpc-js";
import { SealwireClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/options.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { ledgerImage } from "./ledger-tools.ts";
import { type ReplicaServers, startReplicas } from "./replica-servers.ts";

const test = suite("e2e/replicas");

function connect({ first, addresses }: ReplicaServers, options: Partial<ClientOptions> = {}): SealwireClient {
  return new SealwireClient({
    credentials: first.credentials(),
    address: addresses,
    descriptors: ledgerImage,
    ...options,
  });
}

/** Work from eight callers without a pause, until it is stopped. */
function load(call: (number: number) => Promise<unknown>) {
  const failures: unknown[] = [];
  let answered = 0;
  let stopped = false;
  const caller = async (): Promise<void> => {
    while (!stopped) {
      try {
        await call(answered);
        answered += 1;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const callers = Array.from({ length: 8 }, caller);
  return {
    failures,
    /** Resolves once so many more calls have been answered. */
    async more(calls: number): Promise<void> {
      const goal = answered + calls;
      await eventually(`${calls} more calls`, () => answered >= goal);
    },
    async stop(): Promise<number> {
      stopped = true;
      await Promise.all(callers);
      return answered;
    },
  };
}

const answeredBy = ({ replicas }: ReplicaServers): number[] => replicas.map(({ ended }) => ended.get(status.OK) ?? 0);

/** Calls that each server has answered or refused. */
const reached = ({ replicas }: ReplicaServers): number[] =>
  replicas.map(({ ended }) => [...ended.values()].reduce((sum, calls) => sum + calls, 0));

test("servers take turns", async () => {
  await using servers = await startReplicas();
  await using client = connect(servers);
  await client.call("check_entry", { cents: 1 });
  await eventually("every server has answered", async () => {
    await client.call("check_entry", { cents: 1 });
    return answeredBy(servers).every((calls) => calls > 0);
  });
  const before = answeredBy(servers);
  for (let call = 0; call < 30; call += 1) await client.call("check_entry", { cents: 1 });
  assert.equal(
    answeredBy(servers).map((calls, index) => calls - (before[index] ?? 0)),
    [10, 10, 10],
  );
});

test("servers that are killed, come back, drain and are replaced under load cost no call and no job, and no intent is done twice", async () => {
  const done = new Map<string, number>();
  const addEntry = ({ requestId }: { readonly requestId: string }) => {
    done.set(requestId, (done.get(requestId) ?? 0) + 1);
    return undefined;
  };
  await using servers = await startReplicas({ addEntry });
  await using client = connect(servers);
  const reads = load((cents) => client.call("check_entry", { cents }));
  const writes = load((cents) => client.call("add_entry", { cents }));
  const jobs = load(async (cents) => {
    const { job } = await client.call("close_year", { cents });
    await client.job(job?.jobId ?? "").result();
  });
  await writes.more(50);
  for (const replica of servers.replicas) {
    const restore = replica.link.cut();
    await Promise.all([reads.more(50), writes.more(50), jobs.more(10)]);
    await restore();
    const { OK } = status;
    const before = replica.ended.get(OK) ?? 0;
    await eventually("the revived server is used", () => (replica.ended.get(OK) ?? 0) > before);
  }
  for (const replica of servers.replicas) {
    await replica.server.drain(5_000);
    await replica.replace();
    const before = replica.ended.get(status.OK) ?? 0;
    await eventually("the new server is used", () => (replica.ended.get(status.OK) ?? 0) > before);
  }
  const written = await writes.stop();
  await reads.stop();
  const finished = await jobs.stop();
  assert.equal([...reads.failures, ...writes.failures, ...jobs.failures].map(String), []);
  assert.is(done.size, written);
  const { byState } = await servers.first.store.jobs.stats();
  assert.is(byState.SUCCEEDED, finished);
  assert.equal(
    [...done.values()].filter((times) => times !== 1),
    [],
  );
});

test("a watch whose server is killed goes on at another, and misses nothing", async () => {
  const finish = Promise.withResolvers<undefined>();
  await using servers = await startReplicas({ closeYear: () => finish.promise });
  await using client = connect(servers, { retry: { initialDelayMs: 60_000, maxDelayMs: 60_000 } });
  const { job } = await client.call("close_year", { cents: 1 });
  const states: string[] = [];
  const revisions: number[] = [];
  const watched = (async () => {
    for await (const { state, revision } of client.job(job?.jobId ?? "").watch()) {
      states.push(state);
      revisions.push(revision);
    }
  })();
  await eventually("the watch has begun", () => states.includes("RUNNING"));
  // All but the last are cut one after the other, so the one with the watch is among them or it is not needed.
  for (const { link } of servers.replicas.slice(0, 2)) link.cut();
  finish.resolve(undefined);
  await watched;
  assert.is(states.at(-1), "SUCCEEDED");
  assert.equal(
    revisions,
    [...new Set(revisions)].sort((one, other) => one - other),
  );
});

test("a server that says NOT_SERVING gets no call while another serves, and calls it has begun end well", async () => {
  const finish = Promise.withResolvers<undefined>();
  let began = false;
  const addEntry = () => {
    began = true;
    return finish.promise;
  };
  await using servers = await startReplicas({ addEntry });
  await using client = connect(servers);
  const slow = client.call("add_entry", { cents: 1 });
  await eventually("the slow call runs", () => began);
  await using reader = connect(servers, { healthIntervalMs: 100 });
  await eventually("every server has answered", async () => {
    await reader.call("check_entry", { cents: 1 });
    return answeredBy(servers).every((calls) => calls > 0);
  });
  const drains = servers.replicas.map(async ({ server }, index) => index < 2 && server.drain(20_000));
  await eventually("two servers are out", async () => {
    const before = reached(servers);
    for (let call = 0; call < 6; call += 1) await reader.call("check_entry", { cents: 1 });
    const [one, two, three] = reached(servers).map((calls, index) => calls - (before[index] ?? 0));
    return one === 0 && two === 0 && three === 6;
  });
  finish.resolve(undefined);
  assert.ok((await slow).ok);
  await Promise.all(drains);
});

for (const pipeline of [false, true]) {
  test(`a rolling restart makes no call wait for a lost server${pipeline ? ", over one stream" : ""}`, async () => {
    await using servers = await startReplicas();
    const waits: number[] = [];
    const debug = ({ delayMs = 0 }: { readonly delayMs?: number }): void =>
      void (delayMs >= 500 && waits.push(delayMs));
    await using client = connect(servers, { pipeline, healthIntervalMs: 100, logger: { ...silentLogger, debug } });
    const calls = load(() => client.call("check_entry", { cents: 1 }));
    for (const replica of servers.replicas) {
      await calls.more(100);
      await replica.server.drain(10_000);
      await replica.replace();
    }
    await calls.more(100);
    await calls.stop();
    assert.equal([calls.failures, waits], [[], []]);
  });
}

test("a server that falls silent is left out until it answers again", async () => {
  await using servers = await startReplicas();
  await using client = connect(servers, { healthIntervalMs: 250 });
  const [silent] = servers.replicas;
  await eventually("every server has answered", async () => {
    await client.call("check_entry", { cents: 1 });
    return answeredBy(servers).every((calls) => calls > 0);
  });
  silent?.link.hold();
  const caught = client.call("check_entry", { cents: 1 }, { timeoutMs: 60_000 }).catch(String);
  await eventually("nine calls in a row are answered by the others", async () => {
    const calls = Array.from({ length: 9 }, () => client.call("check_entry", { cents: 1 }, { timeoutMs: 300 }));
    return (await Promise.allSettled(calls)).every(({ status }) => status === "fulfilled");
  });
  silent?.link.release();
  await caught;
  const [before] = answeredBy(servers);
  await eventually("the silent server is used again", async () => {
    await client.call("check_entry", { cents: 1 });
    return answeredBy(servers)[0] !== before;
  });
});

test("if all are out, each is tried nevertheless, and the first that is back is used", async () => {
  await using servers = await startReplicas();
  await using client = connect(servers, { retry: { maxAttempts: 100, initialDelayMs: 20, maxDelayMs: 50 } });
  await client.call("check_entry", { cents: 1 });
  const restores = servers.replicas.map(({ link }) => link.cut());
  const call = client.call("check_entry", { cents: 2 });
  await restores.at(-1)?.();
  assert.ok((await call).ok);
});

test.run();
