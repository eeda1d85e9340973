// test-limit-ms: 240000
import { setTimeout as delay } from "node:timers/promises";
import { credentials as channelCredentials } from "@grpc/grpc-js";
import {
  HealthClient,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../gen/grpc/health/v1/health.ts";
import type { JobView } from "../../../src/jobs/job.ts";
import { type Clock, systemClock } from "../../../src/runtime/clock.ts";
import { type Logger, silentLogger } from "../../../src/runtime/logger.ts";
import { repairPostgresClock } from "../../../src/store/postgres/manage.ts";
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import type { SharedStore } from "../../../src/store/postgres/shared-store.ts";
import { nonceClaim, spec } from "../../contract/store-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { RawClient, type RawRequest } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/postgres/clocks");

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const STEPS = [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS];
const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const DIFFERS = "the clock differs from the database's by more than half the window; no calls are accepted";

/** The clock of a machine that someone steps. */
class SteppedClock implements Clock {
  aheadMs = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.aheadMs;
  }
  monotonicMs(): number {
    return systemClock.monotonicMs();
  }
  after(delayMs: number, callback: () => void): Disposable {
    return systemClock.after(delayMs, callback);
  }
}

/** One process of a fleet. */
interface Process {
  readonly clock: SteppedClock;
  readonly store: SharedStore;
  readonly errors: string[];
}

let server: PostgresServer;
let schema: string;
let opened: AsyncDisposableStack;
let names = 0;

async function start(clock = new SteppedClock()): Promise<Process> {
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (_, message = "") => errors.push(message), child: () => logger };
  const store = await openPostgresStore({ url: server.url(schema), connectionsMax: 3, clock, logger });
  return { clock, store: opened.use(store), errors };
}

/** A frame that nobody has sent, stamped by a right clock. */
function fresh(tsMs = Date.now()) {
  names += 1;
  return nonceClaim(tsMs, `frame ${names}`);
}

async function accepts({ store }: Process, claim = fresh()): Promise<boolean> {
  return store.replay.claim(claim);
}

/** Submits a job in one process, and runs it in the other. */
async function endedJob(submitter: Process, worker = submitter): Promise<JobView> {
  const { job } = await submitter.store.jobs.submit(spec());
  const work = await worker.store.jobs.work(new Map([["echo", async () => Buffer.from("result")]]), { concurrency: 1 });
  await eventually("it ends", async () => (await submitter.store.jobs.get("alice", job.jobId))?.state === "SUCCEEDED");
  await work.stop(0);
  return job;
}

if (hasPostgres(test)) {
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());
  test.before.each(async () => {
    opened = new AsyncDisposableStack();
    schema = await server.newSchema();
  });
  test.after.each(() => opened.disposeAsync());

  test("one process of three whose clock is wrong accepts and sweeps nothing, and the others go on", async () => {
    const [one, two, wrong] = [await start(), await start(), await start()];
    const accepted = fresh();
    assert.is(await accepts(one, accepted), true);
    for (const aheadMs of STEPS) {
      wrong.clock.aheadMs = aheadMs;
      await rejection("UNAVAILABLE", wrong.store.replay.claim(fresh(wrong.clock.nowMs())));
      assert.is(wrong.store.condition.serving, false);
      assert.is(await wrong.store.replay.sweep(), 0);
      for (const right of [one, two]) {
        assert.is(await accepts(right), true);
        assert.is(await accepts(right, accepted), false);
        assert.is(right.store.condition.serving, true);
      }
      wrong.clock.aheadMs = 0;
      await eventually("it serves again", () => wrong.store.condition.serving);
      assert.is(await accepts(wrong), true);
    }
    assert.is(wrong.errors.filter((line) => line === DIFFERS).length, STEPS.length);
    assert.equal([one.errors, two.errors], [[], []]);
  });

  test("a process whose clock is days ahead deletes no job and no intent, and no job is late by it", async () => {
    const [right, wrong] = [await start(), await start()];
    const done = await endedJob(right);
    const waiting = (await right.store.jobs.submit(spec())).job;
    const digest = new Uint8Array(32);
    await right.store.intents.begin("alice", "sync call", digest);
    wrong.clock.aheadMs = 3 * 24 * HOUR_MS;
    assert.equal([await wrong.store.jobs.sweep(), await wrong.store.intents.sweep()], [0, 0]);
    assert.is((await right.store.intents.begin("alice", "sync call", digest)).kind, "running");
    assert.is(Buffer.from((await right.store.jobs.result("alice", done.jobId)) ?? []).toString(), "result");
    // Longer than a process waits before it looks for jobs that are late.
    await delay(1_500);
    assert.is((await right.store.jobs.get("alice", waiting.jobId))?.state, "QUEUED");
  });

  test("the result of a job is kept although the clock of the process that ran it was days behind", async () => {
    const [right, wrong] = [await start(), await start()];
    wrong.clock.aheadMs = -3 * 24 * HOUR_MS;
    const done = await endedJob(right, wrong);
    assert.is(await right.store.jobs.sweep(), 0);
    assert.is(Buffer.from((await right.store.jobs.result("alice", done.jobId)) ?? []).toString(), "result");
  });

  test("the first claim after a clock is wrong is refused, before anybody looks, and leaves nothing", async () => {
    const { store, clock } = await start();
    // Claims that are sent in the same turn as the step: no look can have come between.
    for (const aheadMs of STEPS) {
      await eventually("it serves", () => store.condition.serving);
      clock.aheadMs = aheadMs;
      assert.is(store.condition.serving, true);
      const claims = Array.from({ length: 5 }, () => store.replay.claim(fresh(clock.nowMs())));
      for (const claim of claims) await rejection("UNAVAILABLE", claim);
      clock.aheadMs = 0;
    }
    assert.is(await store.replay.size(), 0);
  });

  test("a process that starts with a wrong clock takes no calls until it is right", async () => {
    for (const aheadMs of STEPS) {
      const clock = new SteppedClock();
      clock.aheadMs = aheadMs;
      const process = await start(clock);
      assert.is(process.store.condition.serving, false);
      await rejection("UNAVAILABLE", process.store.replay.claim(fresh(clock.nowMs())));
      clock.aheadMs = 0;
      await eventually("it serves", () => process.store.condition.serving);
      assert.is(await accepts(process), true);
    }
  });

  test("health says NOT_SERVING and calls are refused while the clock is wrong, by that server alone", async () => {
    const [right, wrong] = [await start(), await start()];
    const servers = await Promise.all(
      [right, wrong].map(async ({ store, clock }) => opened.use(await startServer({ store, clock }))),
    );
    const ask = (address = "") =>
      new Promise<ServingStatus | undefined>((resolve) => {
        const client = new HealthClient(address, channelCredentials.createInsecure());
        client.check({ service: "" }, (_, answer) => {
          client.close();
          resolve(answer?.status);
        });
      });
    const call = async (index: number) => {
      const each = servers[index];
      if (each === undefined) throw new Error("no such server");
      using client = new RawClient(each.address, each.credentials());
      return await client.call({ ...IDENTITY, tsMs: [right, wrong][index]?.clock.nowMs() ?? 0 });
    };
    wrong.clock.aheadMs = HOUR_MS;
    await eventually(
      "it is noticed without a call",
      async () => (await ask(servers[1]?.address)) === ServingStatus.NOT_SERVING,
    );
    assert.is((await call(1)).reason, "UNAVAILABLE");
    assert.is(await ask(servers[0]?.address), ServingStatus.SERVING);
    assert.is((await call(0)).code, 0);
    wrong.clock.aheadMs = 0;
    await eventually("it serves again", async () => (await ask(servers[1]?.address)) === ServingStatus.SERVING);
    assert.is((await call(1)).code, 0);
  });

  test("a process that was suspended for an hour is right as soon as its clock is, and nothing is given twice", async () => {
    const [suspended, other] = [await start(), await start()];
    const claim = fresh();
    assert.is(await accepts(suspended, claim), true);
    // The clock stood still meanwhile.
    suspended.clock.aheadMs = -HOUR_MS;
    await rejection("UNAVAILABLE", suspended.store.replay.claim(fresh()));
    suspended.clock.aheadMs = 0;
    await eventually("it serves again", () => suspended.store.condition.serving);
    for (const process of [suspended, other]) assert.is(await accepts(process, claim), false);
    assert.is(await accepts(suspended), true);
  });

  test("clocks that differ by less than half the window are borne with", async () => {
    const [behind, ahead] = [await start(), await start()];
    behind.clock.aheadMs = -170_000;
    ahead.clock.aheadMs = 170_000;
    const claim = fresh();
    assert.is(await accepts(behind, claim), true);
    assert.is(await accepts(ahead, claim), false);
    assert.equal([behind.errors, ahead.errors], [[], []]);
  });

  test("what was swept goes by the database's time, and the floor never passes it plus the window", async () => {
    const set = await server.setClock(schema);
    const startMs = Date.now();
    const clock = new SteppedClock();
    const process = await start(clock);
    assert.is(await accepts(process, fresh(startMs)), true);
    await using client = await server.connect(schema);
    const floorMs = async () =>
      (await client.query("SELECT replay_floor_ms::float8 AS at FROM store_state")).rows[0].at;
    for (const aheadMs of [...STEPS, 0]) {
      // Database and process stand on one machine, whose clock is stepped.
      set(startMs + aheadMs);
      clock.aheadMs = aheadMs;
      await eventually("it serves", () => process.store.condition.serving);
      await process.store.replay.sweep();
      assert.ok((await floorMs()) <= startMs + aheadMs + 6 * MINUTE_MS || (await floorMs()) <= startMs + 5 * MINUTE_MS);
    }
    // What was accepted before the steps stays refused, and honest frames pass.
    assert.is(await accepts(process, fresh(startMs + 1)), true);
  });

  test("a database whose clock stood an hour ahead while frames came is set right by repair-clock", async () => {
    const set = await server.setClock(schema);
    const clock = new SteppedClock();
    const process = await start(clock);
    const startMs = Date.now();
    set(startMs + HOUR_MS);
    clock.aheadMs = HOUR_MS;
    await eventually("it serves", () => process.store.condition.serving);
    assert.is(await accepts(process, fresh(startMs + HOUR_MS)), true);
    set(startMs + HOUR_MS + 20 * MINUTE_MS);
    clock.aheadMs = HOUR_MS + 20 * MINUTE_MS;
    assert.is(await process.store.replay.sweep(), 1);
    set(startMs);
    clock.aheadMs = 0;
    await eventually("it serves", () => process.store.condition.serving);
    const { retryDelayMs = 0 } = await rejection("FRESHNESS_UNKNOWN", process.store.replay.claim(fresh()));
    assert.ok(retryDelayMs > MINUTE_MS);
    const { beforeMs, afterMs } = await repairPostgresClock({ url: server.url(schema) });
    assert.ok(beforeMs - startMs > 50 * MINUTE_MS && afterMs - startMs <= MINUTE_MS, `${beforeMs} ${afterMs}`);
    assert.is(await accepts(process, fresh(afterMs + 1)), true);
  });

  test("stamps as far ahead as an int64 goes take no room, and a store that holds millions of them is upgraded", async () => {
    const process = await start();
    const most = Number(2n ** 63n - 1n);
    for (let index = 0; index < 50; index += 1) await process.store.replay.refuse(fresh(most - index * 2 ** 20));
    assert.is(await process.store.replay.size(), 0);
    await rejection("FRESHNESS_UNKNOWN", process.store.replay.claim(fresh(most)));
    assert.is(await accepts(process), true);
  });
}

test.run();
