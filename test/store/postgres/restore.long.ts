// test-limit-ms: 300000

import { type Logger, silentLogger } from "../../../src/runtime/logger.ts";
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { run } from "../../cli/cli-run.ts";
import { nonceClaim } from "../../contract/store-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

/* What PostgreSQL's own tools restore never lets a frame pass again, without anybody's doing. */
const test = suite("store/postgres/restore");

const MINUTE_MS = 60_000;

let opened: AsyncDisposableStack;

const urlOf = (server: PostgresServer, database = "postgres") =>
  `postgres://sealwire@127.0.0.1:${server.port}/${database}?schema=restored`;

async function started(database = "postgres"): Promise<PostgresServer> {
  const server = opened.use(await PostgresServer.start());
  if (database !== "postgres") server.run("createdb", [database]);
  const { code, stderr } = await run(["store", "migrate"], { env: { SEALWIRE_STORE: urlOf(server, database) } });
  assert.is(code, 0, stderr);
  return server;
}

async function open(url: string, logger: Logger = silentLogger): Promise<Store> {
  return opened.use(await openPostgresStore({ url, logger }));
}

/** Refuses frames of until now for as long as one may stand ahead, and takes one that is signed afterwards. */
async function refusesForAMinute(store: Store): Promise<void> {
  const { retryDelayMs = 0 } = await rejection("FRESHNESS_UNKNOWN", store.replay.claim(nonceClaim(Date.now(), "now")));
  assert.ok(retryDelayMs > MINUTE_MS / 2 && retryDelayMs <= MINUTE_MS + 1_000, `${retryDelayMs}`);
  assert.is(await store.replay.claim(nonceClaim(Date.now() + retryDelayMs + 1, "later")), true);
}

if (hasPostgres(test)) {
  test.before.each(() => {
    opened = new AsyncDisposableStack();
  });
  test.after.each(() => opened.disposeAsync());

  test("a database that pg_restore fills, whatever its cluster, refuses for a minute", async () => {
    const server = await started("one");
    const other = opened.use(await PostgresServer.start({ isOther: true }));
    const frame = nonceClaim(Date.now(), "before");
    await using before = await openPostgresStore({ url: urlOf(server, "one") });
    assert.is(await before.replay.claim(frame), true);
    for (const target of [server, other]) {
      const dump = server.run("pg_dump", ["--schema=restored", "one"]).stdout;
      const since = nonceClaim(Date.now(), `since ${target.port}`);
      assert.is(await before.replay.claim(since), true);
      target.run("createdb", ["two"]);
      target.run("psql", ["-v", "ON_ERROR_STOP=1", "two"], dump);
      const store = await open(urlOf(target, "two"));
      for (const claim of [frame, since]) await rejection("FRESHNESS_UNKNOWN", store.replay.claim(claim));
      await refusesForAMinute(store);
    }
  });

  test("a database that was made from another as its template refuses for a minute", async () => {
    const server = await started("one");
    await (await open(urlOf(server, "one")))[Symbol.asyncDispose]();
    server.run("createdb", ["--template=one", "two"]);
    const since = nonceClaim(Date.now(), "since");
    const one = await open(urlOf(server, "one"));
    assert.is(await one.replay.claim(since), true);
    const two = await open(urlOf(server, "two"));
    await rejection("FRESHNESS_UNKNOWN", two.replay.claim(since));
    await refusesForAMinute(two);
  });

  for (const [how, statements] of [
    ["in the place of the schema", "DROP SCHEMA restored CASCADE;"],
    ["into emptied tables", ""],
  ] as const) {
    test(`a backup put ${how} under a running server is noticed by it, and others notice it at their start`, async () => {
      const server = await started();
      const warnings: string[] = [];
      const logger: Logger = {
        ...silentLogger,
        warn: (_, message = "") => warnings.push(message),
        child: () => logger,
      };
      const store = await open(urlOf(server), logger);
      assert.is(await store.replay.claim(nonceClaim(Date.now(), "before")), true);
      const options = statements === "" ? ["--data-only"] : [];
      const dump = server.run("pg_dump", ["--schema=restored", ...options, "postgres"]).stdout;
      const since = nonceClaim(Date.now(), "since");
      assert.is(await store.replay.claim(since), true);
      await using admin = await server.connect("restored");
      const { rows } = await admin.query(
        "SELECT relname FROM pg_class WHERE relnamespace = 'restored'::regnamespace AND relkind = 'r'",
      );
      const tables = rows.map(({ relname }) => `restored.${relname}`).join(", ");
      const empty = statements || `TRUNCATE ${tables};`;
      server.run("psql", ["-v", "ON_ERROR_STOP=1", "--single-transaction", "postgres"], empty + dump);
      await eventually("it is noticed", () => warnings.some((line) => line.includes("restored")));
      await rejection("FRESHNESS_UNKNOWN", store.replay.claim(since));
      await refusesForAMinute(store);
      const floor = (await admin.query("SELECT replay_floor_ms FROM restored.store_state")).rows;
      await rejection("FRESHNESS_UNKNOWN", (await open(urlOf(server))).replay.claim(since));
      assert.equal((await admin.query("SELECT replay_floor_ms FROM restored.store_state")).rows, floor);
    });
  }

  test("a base backup that is recovered refuses for a minute, also by servers that start after it", async () => {
    const server = await started();
    const before = await openPostgresStore({ url: urlOf(server) });
    const backup = opened.use(await server.backUp());
    const since = nonceClaim(Date.now(), "since");
    assert.is(await before.replay.claim(since), true);
    await before[Symbol.asyncDispose]();
    server.crash();
    backup.recoverAtStart();
    backup.startAgain();
    const store = await eventually("it takes writes", () => open(urlOf(backup)).catch(() => undefined));
    await rejection("FRESHNESS_UNKNOWN", store.replay.claim(since));
    await refusesForAMinute(store);
  });

  test("a base backup that is started as it is, is noticed by whoever knew the original", async () => {
    const server = await started();
    const store = await open(urlOf(server));
    const backup = opened.use(await server.backUp());
    const since = nonceClaim(Date.now(), "since");
    assert.is(await store.replay.claim(since), true);
    await using admin = await server.connect("restored");
    const lease = async () =>
      String((await admin.query("SELECT max(expires_at) AS at FROM instance")).rows[0]?.at.getTime());
    const first = await lease();
    await eventually("the lease is renewed after the backup", async () => (await lease()) > first);
    server.crash();
    backup.startAgain();
    const { reason } = await eventually("it answers", async () => {
      const error = await store.replay.claim(since).catch((thrown) => thrown);
      assert.is.not(error, true, "a frame was accepted again");
      return error.reason === "UNAVAILABLE" ? undefined : error;
    });
    assert.is(reason, "FRESHNESS_UNKNOWN");
    await refusesForAMinute(store);
  });

  test("a restart of the database keeps nobody waiting", async () => {
    const server = await started();
    const store = await open(urlOf(server));
    const before = nonceClaim(Date.now(), "before");
    assert.is(await store.replay.claim(before), true);
    server.crash();
    server.startAgain();
    const again = await eventually("it answers", () => store.replay.claim(before).then(String, () => undefined));
    assert.is(again, "false");
    for (const each of [store, await open(urlOf(server))]) {
      assert.is(await each.replay.claim(nonceClaim(Date.now(), `after ${each === store}`)), true);
    }
  });
}

test.run();
