import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "pg";
import { SealwireError } from "../../../src/errors.ts";
import type { JobHandler, JobRun, WorkOptions } from "../../../src/jobs/engine.ts";
import type { JobView } from "../../../src/jobs/job.ts";
import { type Logger, silentLogger } from "../../../src/runtime/logger.ts";
import { lockOwners, lockSpace } from "../../../src/store/postgres/advisory-locks.ts";
import { NONCE_SLOT_MS, NONCE_SLOTS } from "../../../src/store/postgres/layout-1.ts";
import { migratePostgresStore, openPostgresStore } from "../../../src/store/postgres/open.ts";
import type { SharedStore } from "../../../src/store/postgres/shared-store.ts";
import type { Statement, Values } from "../../../src/store/postgres/statement.ts";
import type { NonceClaim, Store } from "../../../src/store/store.ts";
import { nonceClaim, POLICY, spec } from "../../contract/store-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { TcpLink } from "../../support/tcp-link.ts";

const test = suite("store/postgres/replicas");

const LISTENING = "pg_stat_activity WHERE application_name = 'sealwire notifications'";

/** Within this time a process corrects what it could not record. */
const TIES_UP_WITHIN_MS = 2_500;

let server: PostgresServer;
let schema: string;
let stores: SharedStore[] = [];

/** Opens the store once more, as another process would. */
async function replica(port = server.port): Promise<SharedStore> {
  const store = await openPostgresStore({ url: server.url(schema, port), connectionsMax: 4 });
  stores.push(store);
  return store;
}

/** Runs a statement of the test's own. */
async function query(text: string): Promise<Record<string, unknown>[]> {
  await using client = await server.connect(schema);
  return (await client.query(text)).rows;
}

/** Opens the store once more, as a process for which no time passes but what the test lets pass. */
async function timelessReplica(): Promise<{ readonly store: SharedStore; readonly clock: FakeClock }> {
  const clock = new FakeClock(Date.now());
  const store = await openPostgresStore({ url: server.url(schema), connectionsMax: 4, clock });
  stores.push(store);
  return { store, clock };
}

/** Lets time pass in a process, until it has renewed its lease. */
async function pass({ store, clock }: Awaited<ReturnType<typeof timelessReplica>>, ms: number): Promise<void> {
  const lease = async () =>
    (await query(`SELECT expires_at::text AS lease FROM instance WHERE instance_id = '${store.instanceId}'`))[0]?.lease;
  const before = await lease();
  clock.advance(ms);
  await eventually("it renews its lease", async () => (await lease()) !== before);
}

/** A process that has renewed its lease for long enough to know which others are dead. */
async function steadyReplica() {
  const made = await timelessReplica();
  for (let renewal = 0; renewal < 5; renewal += 1) await pass(made, 2_500);
  return made;
}

/** Lets a process look for lost attempts. */
async function look({ clock }: { readonly clock: FakeClock }): Promise<void> {
  for (let looks = 0; looks < 3; looks += 1) {
    clock.advance(1_000);
    await delay(50);
  }
}

async function stateOf(store: Store, job: JobView): Promise<string | undefined> {
  return (await store.jobs.get("alice", job.jobId))?.state;
}

/** Whether a claim is accepted; one of a stamp that was forgotten is not. */
async function accepts(store: Store, claim: NonceClaim): Promise<boolean> {
  try {
    return await store.replay.claim(claim);
  } catch (error) {
    assert.is(SealwireError.from(error).reason, "FRESHNESS_UNKNOWN");
    return false;
  }
}

const workOn = (store: Store, handler: () => Promise<Uint8Array>, options: Partial<WorkOptions> = {}) =>
  store.jobs.work(new Map([["echo", handler]]), { concurrency: 4, ...options });

/** Holds, in a transaction of `client`, the lock under which alice's request ids are decided about. */
async function holdRequests(client: Client): Promise<void> {
  await client.query("BEGIN");
  const all = async <Row>({ text, parameters }: Statement, values: Values = {}): Promise<Row[]> =>
    (
      await client.query(
        text,
        parameters.map((parameter) => values[parameter]),
      )
    ).rows as Row[];
  await lockOwners({ all }, lockSpace(schema, "requests"), ["alice"]);
}

if (hasPostgres(test)) {
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.before.each(async () => {
    schema = await server.newSchema();
  });
  test.after.each(async () => {
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    stores = [];
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("whose wait for a lock is cut short is told to try again", async () => {
    const store = await replica();
    await using holder = await server.connect(schema);
    await holdRequests(holder);
    const asked = Promise.allSettled([
      store.intents.begin("alice", "sync call", new Uint8Array(32)),
      store.jobs.submit(spec()),
    ]);
    const waiting = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    await eventually("both wait", async () => (await query(`SELECT pid ${waiting}`)).length === 2);
    await query(`SELECT pg_cancel_backend(pid) ${waiting}`);
    for (const outcome of await asked) assert.is(outcome.status === "rejected" && outcome.reason.reason, "UNAVAILABLE");
  });

  test("a nonce that several processes claim at once is given to one", async () => {
    const [one, two, three] = [await replica(), await replica(), await replica()];
    for (let round = 0; round < 50; round += 1) {
      const claim = nonceClaim(Date.now(), `nonce ${round}`);
      const all = await Promise.all([one, two, three, one, two].map((store) => store.replay.claim(claim)));
      assert.is(all.filter(Boolean).length, 1);
    }
  });

  test("nonces are claimed while others are swept, and none is given twice", async () => {
    const [one, two] = [await replica(), await replica()];
    const old = Array.from({ length: 200 }, (_, index) => nonceClaim(Date.now() - 900_000 + index, `old ${index}`));
    const results = await Promise.all([
      ...old.flatMap((claim) => [accepts(one, claim), accepts(two, claim)]),
      ...Array.from({ length: 20 }, () => two.replay.sweep().then(() => false)),
    ]);
    assert.ok(results.filter(Boolean).length <= old.length);
    for (const claim of old) assert.is(await accepts(one, claim), false);
  });

  test("claims go on while pg_dump reads the tables, and what was to be swept is swept afterwards", async () => {
    const [one, two] = [await replica(), await replica()];
    // A table that the claims of this time do not use.
    const slot = (Math.floor(Date.now() / NONCE_SLOT_MS) + NONCE_SLOTS - 1) % NONCE_SLOTS;
    await query(`INSERT INTO nonce VALUES (${slot}, 'alice', 'expired', 1)`);
    await using dump = await server.connect(schema);
    await dump.query("BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE nonce IN ACCESS SHARE MODE");
    const sweeps = Promise.all([one.replay.sweep(), two.replay.sweep()]);
    const startedMs = performance.now();
    for (let round = 0; round < 20; round += 1) {
      assert.ok(await one.replay.claim(nonceClaim(Date.now(), `nonce ${round}`)));
      await delay(20);
    }
    assert.ok(performance.now() - startedMs < 5_000, "claims waited");
    assert.equal(await sweeps, [0, 0]);
    assert.is(one.away || two.away, false);
    await dump.query("ROLLBACK");
    assert.is(await one.replay.sweep(), 1);
  });

  test("an intent that several processes submit at once becomes one job, within one quota", async () => {
    const [one, two] = [await replica(), await replica()];
    const intents = Array.from({ length: 40 }, () => spec({ openJobsMax: 25 }));
    const settled = await Promise.allSettled(
      intents.flatMap((intent) => [one.jobs.submit(intent), two.jobs.submit(intent)]),
    );
    const accepted = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    assert.is(accepted.filter(({ created }) => created).length, 25);
    assert.is(new Set(accepted.map(({ job }) => job.jobId)).size, 25);
  });

  test("an intent that runs in one process is running for the others, and unknown once that is dead", async () => {
    const [one, two] = [await replica(), await replica()];
    const digest = Buffer.alloc(32);
    assert.is((await one.intents.begin("alice", "intent", digest)).kind, "begun");
    assert.is((await two.intents.begin("alice", "intent", digest)).kind, "running");
    await query("DELETE FROM instance");
    assert.is((await two.intents.begin("alice", "intent", digest)).kind, "unknown");
  });

  test("the outcome of a call that could not be recorded when it came is recorded later", async () => {
    const store = await replica();
    const digest = Buffer.alloc(32);
    await store.intents.begin("alice", "late", digest);
    await store.intents.begin("alice", "never ran", digest);
    server.crash();
    await rejection("UNAVAILABLE", store.intents.finish("alice", "late", Buffer.from("outcome")));
    await rejection("UNAVAILABLE", store.intents.abandon("alice", "never ran"));
    await rejection("UNAVAILABLE", store.intents.begin("alice", "not begun", digest));
    server.startAgain();
    const begin = (requestId: string) => store.intents.begin("alice", requestId, digest).catch(() => undefined);
    const late = await eventually("it is recorded", async () => {
      const known = await begin("late");
      return known?.kind === "finished" && known;
    });
    assert.is(Buffer.from(late.outcome).toString(), "outcome");
    assert.is((await begin("never ran"))?.kind, "begun");
    assert.is((await begin("not begun"))?.kind, "begun");
  });

  test("a begin whose result is lost changes no intent that was given up", async () => {
    const store = await replica();
    const begin = (requestId: string, repeatable = false) =>
      store.intents.begin("alice", requestId, Buffer.alloc(32), { repeatable });
    for (const [requestId, repeatable] of [
      ["once", false],
      ["again", true],
    ] as const) {
      await begin(requestId, repeatable);
      await store.intents.giveUp("alice", requestId);
    }
    server.crash();
    for (const requestId of ["once", "again"]) await rejection("UNAVAILABLE", begin(requestId, true));
    server.startAgain();
    const found = (requestId: string) =>
      eventually(`the intent ${requestId} is found`, () => begin(requestId, true).catch(() => undefined));
    assert.is((await found("once")).kind, "unknown");
    assert.is((await found("again")).kind, "begun");
    await store.intents.finish("alice", "once", Buffer.from("late"));
    assert.is((await found("once")).kind, "finished");
  });

  test("a call that runs keeps its intent after an earlier begin of it in the same process has failed", async () => {
    const store = await replica();
    const begin = () => store.intents.begin("alice", "sync call", new Uint8Array(32));
    const waiting = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    await using holder = await server.connect(schema);
    await holdRequests(holder);
    const failing = rejection("UNAVAILABLE", begin());
    await eventually("the first begin waits", async () => (await query(`SELECT pid ${waiting}`)).length === 1);
    const repeated = begin();
    await query(`SELECT pg_terminate_backend(pid) ${waiting}`);
    await failing;
    await holder.query("ROLLBACK");
    assert.is((await repeated).kind, "begun");
    await delay(TIES_UP_WITHIN_MS);
    assert.is((await begin()).kind, "running");
    await store.intents.finish("alice", "sync call", Buffer.from("outcome"));
  });

  test("an intent whose begin is committed late, when a standby is back, is not running for ever", async () => {
    await using link = await TcpLink.to(server.port);
    const store = await replica(link.port);
    const begin = () => store.intents.begin("alice", "sync call", new Uint8Array(32));
    const waiting = "pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'";
    try {
      await server.holdCommits();
      const failing = rejection("UNAVAILABLE", begin());
      await eventually("the begin waits", async () => (await query(`SELECT FROM ${waiting}`)).length === 1);
      link.breakConnections();
      await failing;
      await delay(TIES_UP_WITHIN_MS);
    } finally {
      server.configure("synchronous_standby_names = ''");
    }
    await eventually("it can be begun", async () => (await begin().catch(() => undefined))?.kind === "begun");
  });

  test("an unrecognised notification does no harm", async () => {
    const [one, two] = [await replica(), await replica()];
    const { job } = await one.jobs.submit(spec());
    const next = one.jobs.watch("alice", job.jobId, { afterRevision: 1 })[Symbol.asyncIterator]().next();
    for (const payload of ["", "hello", "null", '{"jobs":[null]}', '{"jobs":[{"queued":null}]}', '{"jobs":7}'])
      await query(`SELECT pg_notify('${schema}', '${payload}')`);
    await two.jobs.cancel("alice", job.jobId);
    assert.is((await next).value?.state, "CANCELLED");
  });

  test("a watcher hears of what another process did, and a handler of a cancel there", async () => {
    const [one, two] = [await replica(), await replica()];
    const aborted = Promise.withResolvers<unknown>();
    await two.jobs.work(
      new Map([
        [
          "echo",
          (run) =>
            new Promise((_, reject) => {
              run.progress(1, 2);
              run.signal.addEventListener("abort", () => {
                aborted.resolve(run.signal.reason);
                reject(run.signal.reason);
              });
            }),
        ],
      ]),
      { concurrency: 1 },
    );
    const { job } = await one.jobs.submit(spec());
    const seen: string[] = [];
    for await (const view of one.jobs.watch("alice", job.jobId)) {
      seen.push(view.state);
      if (view.progress !== undefined && !view.cancelRequested) await one.jobs.cancel("alice", job.jobId);
    }
    assert.is(seen.at(-1), "CANCELLED");
    assert.is(((await aborted.promise) as Error & { reason: string }).reason, "CANCELLED");
  });

  test("what happened while the connection for notifications was lost is found, and it comes back", async () => {
    const [one, two] = [await replica(), await replica()];
    const { job } = await one.jobs.submit(spec());
    const watch = one.jobs.watch("alice", job.jobId, { afterRevision: 1 })[Symbol.asyncIterator]();
    const next = watch.next();
    await query(`SELECT pg_terminate_backend(pid) FROM ${LISTENING}`);
    await two.jobs.cancel("alice", job.jobId);
    assert.is((await next).value?.state, "CANCELLED");
    const other = (await one.jobs.submit(spec())).job;
    const again = one.jobs.watch("alice", other.jobId, { afterRevision: 1 })[Symbol.asyncIterator]().next();
    await eventually("both listen again", async () => (await query(`SELECT FROM ${LISTENING}`)).length === 2);
    await two.jobs.cancel("alice", other.jobId);
    assert.is((await again).value?.state, "CANCELLED");
  });

  test("a job whose process lost its lease runs elsewhere, and what the first one brings late is discarded", async () => {
    const first = await replica();
    const slow = Promise.withResolvers<Uint8Array>();
    await workOn(first, () => slow.promise, { concurrency: 1 });
    const { job } = await first.jobs.submit(spec({ policy: { ...POLICY, initialBackoffMs: 1 } }));
    await eventually("it runs", async () => (await stateOf(first, job)) === "RUNNING");
    const second = await replica();
    await workOn(second, async () => Buffer.from("second"));
    const [{ instance_id: frozen } = {}] = await query("SELECT instance_id FROM job");
    await eventually("it ended", async () => {
      // The first one is alive and renews its lease.
      await query(`DELETE FROM instance WHERE instance_id = '${frozen}'`);
      return (await stateOf(second, job)) === "SUCCEEDED";
    });
    slow.resolve(Buffer.from("first"));
    await eventually("the first one is told", async () => (await first.jobs.get("alice", job.jobId))?.attempt === 2);
    assert.is(Buffer.from((await second.jobs.result("alice", job.jobId)) ?? []).toString(), "second");
  });

  test("a process that claims a job again whose attempt it has lost stops the old attempt, and keeps the new one", async () => {
    const errors: string[] = [];
    const logger: Logger = { ...silentLogger, error: (_, message = "") => errors.push(message), child: () => logger };
    const store = await openPostgresStore({ url: server.url(schema), connectionsMax: 4, logger });
    stores.push(store, await replica());
    const runs: JobRun[] = [];
    const handler: JobHandler = (run) => {
      runs.push(run);
      return new Promise((_, reject) => run.signal.addEventListener("abort", () => reject(run.signal.reason)));
    };
    const worker = await store.jobs.work(new Map([["echo", handler]]), { concurrency: 2 });
    const { job } = await store.jobs.submit(spec({ policy: { ...POLICY, initialBackoffMs: 1 } }));
    await eventually("it runs", () => runs.length === 1);
    await eventually("it runs again", async () => {
      if (runs.length === 1) await query(`DELETE FROM instance WHERE instance_id = '${store.instanceId}'`);
      return runs.length === 2;
    });
    const reasons = () => runs.map(({ signal }) => signal.aborted && signal.reason.reason);
    await eventually("the old attempt is stopped", () => reasons()[0]);
    assert.equal(reasons(), ["WORKER_LOST", false]);
    await eventually("the old attempt has ended", () => worker.running === 1);
    await store.jobs.cancel("alice", job.jobId);
    await eventually("the new attempt is cancelled", async () => (await stateOf(store, job)) === "CANCELLED");
    assert.equal(reasons(), ["WORKER_LOST", "CANCELLED"]);
    assert.equal(errors, []);
  });

  test("a process whose lease ran out, as in an outage, loses no attempt that it claims before its next renewal", async () => {
    // No timer fires, so that nothing but the claim can renew the lease.
    const [{ store: first }, steady] = [await timelessReplica(), await steadyReplica()];
    const { store: second } = steady;
    await query(`UPDATE instance SET expires_at = '-infinity' WHERE instance_id = '${first.instanceId}'`);
    const { job } = await first.jobs.submit(spec());
    const gate = Promise.withResolvers<Uint8Array>();
    await workOn(first, () => gate.promise);
    await eventually("it runs", async () => (await stateOf(second, job)) === "RUNNING");
    const alive = `SELECT expires_at > clock_timestamp() + interval '9 seconds' AS alive FROM instance JOIN job USING (instance_id)`;
    assert.equal(await query(alive), [{ alive: true }]);
    await look(steady);
    gate.resolve(Buffer.from("done"));
    await eventually("it ended", async () => (await stateOf(second, job)) === "SUCCEEDED");
    assert.is((await second.jobs.get("alice", job.jobId))?.attempt, 1);
  });

  test("a process whose lease ran out runs the calls that it begins before its next renewal", async () => {
    // No timer fires, so that nothing but the begin can renew the lease.
    const [{ store: first }, { store: second }] = [await timelessReplica(), await steadyReplica()];
    const begin = (store: Store, requestId: string) =>
      store.intents.begin("alice", requestId, new Uint8Array(32), { repeatable: true });
    for (const requestId of ["new", "again"]) {
      if (requestId === "again") {
        await begin(first, requestId);
        await first.intents.giveUp("alice", requestId);
      }
      await query(`UPDATE instance SET expires_at = now() - interval '1 s' WHERE instance_id = '${first.instanceId}'`);
      assert.is((await begin(first, requestId)).kind, "begun");
      assert.is((await begin(second, requestId)).kind, "running");
    }
  });

  test("processes that could not renew their leases, since the database was away, lose no attempt to each other", async () => {
    const [one, { store: two }] = [await steadyReplica(), await timelessReplica()];
    const begin = (store: Store) => store.intents.begin("alice", "sync call", new Uint8Array(32));
    await workOn(two, () => new Promise(() => {}));
    const { job } = await two.jobs.submit(spec());
    await eventually("it runs", async () => (await stateOf(two, job)) === "RUNNING");
    assert.is((await begin(two)).kind, "begun");
    await query("UPDATE instance SET expires_at = clock_timestamp() - interval '1 second'");
    await pass(one, 12_000);
    await look(one);
    assert.is(await stateOf(two, job), "RUNNING");
    assert.equal([(await begin(one.store)).kind, (await begin(two)).kind], ["running", "running"]);
    // The second process does not renew its lease. So it is dead.
    await query(`UPDATE instance SET expires_at = '-infinity' WHERE instance_id = '${two.instanceId}'`);
    for (let renewal = 0; renewal < 5; renewal += 1) await pass(one, 2_500);
    await look(one);
    assert.is(await stateOf(two, job), "QUEUED");
    assert.is((await begin(one.store)).kind, "unknown");
  });

  test("the end of a job whose commit was not confirmed is told once, as it was recorded", async () => {
    await using link = await TcpLink.to(server.port);
    const store = await replica(link.port);
    const told: string[] = [];
    using _listener = store.jobs.onStop((job) => told.push(job.state));
    const ends: string[] = [];
    const observer = { attemptEnded: (_tool: string, end: string) => ends.push(end) };
    for (const [handler, state, end] of [
      [async () => Buffer.from("done"), "SUCCEEDED", "succeeded"],
      [() => Promise.reject(new SealwireError("TOOL_FAILED", "no")), "FAILED", "failed"],
    ] as const) {
      const gate = Promise.withResolvers<void>();
      const handlers = Object.assign(new Map<string, JobHandler>([["echo", () => gate.promise.then(handler)]]), {
        observer,
      });
      const worker = await store.jobs.work(handlers, { concurrency: 1 });
      const { job } = await store.jobs.submit(spec());
      await eventually("it runs", async () => (await stateOf(store, job)) === "RUNNING");
      await server.holdCommits();
      gate.resolve();
      const waiting = "pg_stat_activity WHERE wait_event = 'SyncRep'";
      await eventually("its end waits", async () => (await query(`SELECT FROM ${waiting}`)).length > 0);
      link.breakConnections();
      server.configure("synchronous_standby_names = ''");
      await eventually("it has ended", async () => (await stateOf(store, job).catch(() => undefined)) === state);
      await eventually("the attempt has ended", () => worker.running === 0);
      await worker.stop(0);
      assert.equal([told.splice(0), ends.splice(0)], [[state], [end]]);
    }
  });

  test("an attempt that was claimed without its process hearing of it is found and run again", async () => {
    const store = await replica();
    const { job } = await store.jobs.submit(spec({ policy: { ...POLICY, initialBackoffMs: 1 } }));
    await query(`UPDATE job SET state = 'RUNNING', attempt = 1, revision = 2,
      instance_id = (SELECT instance_id FROM instance LIMIT 1)`);
    await workOn(store, async () => Buffer.from("done"));
    await eventually("it ended", async () => (await stateOf(store, job)) === "SUCCEEDED");
    assert.is((await store.jobs.get("alice", job.jobId))?.attempt, 2);
  });

  test("no more of one owner's jobs run at once than perOwner allows, over all processes", async () => {
    const [one, two] = [await replica(), await replica()];
    let running = 0;
    let most = 0;
    const handler = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
      return Buffer.from("done");
    };
    await workOn(one, handler, { perOwner: 3 });
    await workOn(two, handler, { perOwner: 3 });
    const jobs = await Promise.all(Array.from({ length: 20 }, () => one.jobs.submit(spec())));
    for (const { job } of jobs) await eventually("it ended", async () => (await stateOf(one, job)) === "SUCCEEDED");
    assert.is(most, 3);
  });

  test("while the database is away everything is refused with a delay, and goes on when it is back", async () => {
    await using link = await TcpLink.to(server.port);
    const store = await replica(link.port);
    const { job } = await store.jobs.submit(spec());
    server.crash();
    const refused = [
      store.replay.claim(nonceClaim(Date.now(), "away")),
      store.jobs.submit(spec()),
      store.jobs.get("alice", job.jobId),
      store.jobs.cancel("alice", job.jobId),
      store.intents.begin("alice", "away", Buffer.alloc(32)),
    ].map((call) => rejection("UNAVAILABLE", call));
    for (const { retryDelayMs = 0 } of await Promise.all(refused)) assert.ok(retryDelayMs > 0);
    server.startAgain();
    await eventually("it is back", () => store.jobs.get("alice", job.jobId).catch(() => undefined));
    await workOn(store, async () => Buffer.from("done"));
    await eventually("it ended", async () => (await stateOf(store, job)) === "SUCCEEDED");
  });

  test("a database without the tables, with newer ones or out of reach is refused with what to do", async () => {
    const bare = await rejection("STORE_INCOMPATIBLE", openPostgresStore({ url: server.url("bare") }));
    assert.match(bare.message, "sealwire store migrate");
    await query("UPDATE store_version SET version = 99, min_reader = 99");
    const url = server.url(schema);
    assert.match((await rejection("STORE_INCOMPATIBLE", openPostgresStore({ url }))).message, "newer sealwire");
    assert.match((await rejection("STORE_INCOMPATIBLE", migratePostgresStore({ url }))).message, "newer sealwire");
    const away = await rejection("UNAVAILABLE", openPostgresStore({ url: "postgres://u:sesame@127.0.0.1:1/d" }));
    assert.match(away.message, "127.0.0.1:1/d cannot be used");
    assert.not.match(away.message, "sesame");
    const wrong = await rejection("OPTIONS_INVALID", openPostgresStore({ url: "postgres://u:sesame@h/d?schema=a-b" }));
    assert.not.match(wrong.message, "sesame");
  });

  test("migrations run at once change the tables once", async () => {
    const url = server.url("raced");
    const done = await Promise.all(Array.from({ length: 4 }, () => migratePostgresStore({ url })));
    assert.is(done.filter(({ from }) => from === 0).length, 1);
  });
}

test.run();
