// test-limit-ms: 300000
import { readFile } from "node:fs/promises";
import { Client } from "pg";
import { type Logger, silentLogger } from "../../../src/runtime/logger.ts";
import { repairPostgresClock } from "../../../src/store/postgres/manage.ts";
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { inFolder, run } from "../../cli/cli-run.ts";
import { digest, nonceClaim } from "../../contract/store-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { RawClient, type RawFrame, type RawRequest, signRaw } from "../../support/raw-client.ts";
import { rejection } from "../../support/rejection.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { TcpLink } from "../../support/tcp-link.ts";

const test = suite("store/postgres/failover");

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };
const MINUTE_MS = 60_000;

let opened: AsyncDisposableStack;

const urlOf = (...ports: readonly number[]) =>
  `postgres://sealwire@${ports.map((port) => `127.0.0.1:${port}`).join(",")}/postgres?schema=failover`;

async function migrated(url: string): Promise<void> {
  const { code, stderr } = await run(["store", "migrate"], { env: { SEALWIRE_STORE: url } });
  assert.is(code, 0, stderr);
}

async function open(url: string, logger: Logger = silentLogger): Promise<Store> {
  return opened.use(await openPostgresStore({ url, logger }));
}

if (hasPostgres(test)) {
  test.before.each(() => {
    opened = new AsyncDisposableStack();
  });
  test.after.each(() => opened.disposeAsync());

  test("after a failover that lost nonces no frame of before is accepted again, and later ones are", async () => {
    const primary = opened.use(await PostgresServer.start());
    const link = opened.use(await TcpLink.to(primary.port));
    const url = () => urlOf(primary.port, standby.port);
    await migrated(urlOf(primary.port));
    const standby = opened.use(await primary.startStandby(link.port));
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_, message = "") => warnings.push(message), child: () => logger };
    const store = await open(url(), logger);
    const server = opened.use(await startServer({ store }));
    using client = new RawClient(server.address, server.credentials());
    const frames: RawFrame[] = [];
    const send = async (count: number) => {
      for (let index = 0; index < count; index += 1) {
        const frame = signRaw(server.credentials(), IDENTITY);
        assert.is((await client.send(frame)).code, 0);
        frames.push(frame);
      }
    };
    await send(20);
    // From here on nothing reaches the standby.
    link.hold();
    await send(100);
    const ahead = signRaw(server.credentials(), { ...IDENTITY, tsMs: Date.now() + 50_000 });
    assert.is((await client.send(ahead)).code, 0);
    await store.intents.begin("alice", "lost", digest("lost"));
    primary.crash();
    link.cut();
    standby.promote();
    const promotedAtMs = performance.now();
    const reasons = new Map<string, number>();
    for (const frame of [...frames, ahead]) {
      const { code, reason = "" } = await client.send(frame);
      assert.is.not(code, 0, "a frame was accepted again");
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    assert.ok(performance.now() - promotedAtMs < 5_000, `${performance.now() - promotedAtMs}`);
    assert.ok((reasons.get("FRESHNESS_UNKNOWN") ?? 0) >= 100, JSON.stringify([...reasons]));
    assert.ok(warnings.some((line) => line.includes("failed over or restored")));
    const other = await open(url());
    const { retryDelayMs = 0 } = await rejection(
      "FRESHNESS_UNKNOWN",
      other.replay.claim(nonceClaim(Date.now(), "now")),
    );
    assert.ok(retryDelayMs > MINUTE_MS / 2 && retryDelayMs <= MINUTE_MS);
    // Signed when the delay is over, it passes.
    assert.is(await other.replay.claim(nonceClaim(Date.now() + retryDelayMs + 1, "after")), true);
    // What replication without waiting costs: nobody knows of the intent any more.
    assert.equal(await other.intents.begin("alice", "lost", digest("lost")), { kind: "begun" });
  });

  test("a frozen primary is given up after the time limit of one statement, with all its connections", async () => {
    const primary = opened.use(await PostgresServer.start());
    const link = opened.use(await TcpLink.to(primary.port));
    await migrated(urlOf(primary.port));
    const standby = opened.use(await primary.startStandby());
    const store = await open(urlOf(link.port, standby.port));
    // Leaves several idle connections.
    await Promise.all(Array.from({ length: 8 }, (_, place) => store.intents.knows("alice", `intent ${place}`)));
    assert.ok((store.connections?.idle ?? 0) > 2, JSON.stringify(store.connections));
    link.hold();
    standby.promote();
    await rejection("UNAVAILABLE", store.intents.knows("alice", "intent 1"));
    assert.ok((store.connections?.idle ?? 9) <= 1, JSON.stringify(store.connections));
    await using watched = await standby.connect("failover");
    await eventually("notifications come from the new primary", async () => {
      const { rowCount } = await watched.query(
        "SELECT FROM pg_stat_activity WHERE application_name = 'sealwire notifications'",
      );
      return rowCount === 1;
    });
    assert.is(await store.intents.knows("alice", "intent 1"), false);
  });

  test("notifications leave a former primary that runs on", async () => {
    const primary = opened.use(await PostgresServer.start());
    await migrated(urlOf(primary.port));
    const standby = opened.use(await primary.startStandby());
    await open(urlOf(primary.port, standby.port));
    standby.promote();
    // Statements pass over a server that takes no writes. Its connections remain.
    primary.configure("default_transaction_read_only = on");
    await using watched = await standby.connect("failover");
    await eventually("notifications come from the new primary", async () => {
      const { rowCount } = await watched.query(
        "SELECT FROM pg_stat_activity WHERE application_name = 'sealwire notifications'",
      );
      return rowCount === 1;
    });
  });

  test("a promotion is noticed once, also by processes that come together", async () => {
    const primary = opened.use(await PostgresServer.start());
    await migrated(urlOf(primary.port));
    const standby = opened.use(await primary.startStandby());
    await (await open(urlOf(primary.port)))[Symbol.asyncDispose]();
    await using watched = await primary.connect("failover");
    await eventually("the standby has it", async () => {
      const { rows } = await watched.query("SELECT sent_lsn = replay_lsn AS same FROM pg_stat_replication");
      return rows[0]?.same === true;
    });
    primary.crash();
    standby.promote();
    let noticed = 0;
    const logger: Logger = {
      ...silentLogger,
      warn: (_, message = "") => {
        if (message.includes("failed over")) noticed += 1;
      },
      child: () => logger,
    };
    await Promise.all(Array.from({ length: 4 }, () => open(urlOf(standby.port), logger)));
    assert.is(noticed, 1);
    await using client = await standby.connect("failover");
    const floor = "SELECT replay_floor_ms FROM store_state";
    const before = (await client.query(floor)).rows[0];
    await open(urlOf(standby.port), logger);
    assert.equal((await client.query(floor)).rows[0], before);
  });

  test("a backup restored into another cluster, another database or under a new schema refuses for a minute", async () => {
    const source = opened.use(await PostgresServer.start());
    const target = opened.use(await PostgresServer.start({ isOther: true }));
    await migrated(urlOf(source.port));
    const accepted = nonceClaim(Date.now(), "accepted before the backup");
    await (await open(urlOf(source.port))).replay.claim(accepted);
    const { stdout } = source.run("pg_dump", ["--schema=failover", "postgres"]);
    const since = nonceClaim(Date.now(), "accepted after it");
    await (await open(urlOf(source.port))).replay.claim(since);
    target.run("psql", ["-v", "ON_ERROR_STOP=1", "postgres"], stdout);
    const restored = await open(urlOf(target.port));
    for (const claim of [accepted, since]) await rejection("FRESHNESS_UNKNOWN", restored.replay.claim(claim));
    // In the place of the old one, in the same cluster.
    await using client = await source.connect("failover");
    await client.query("DROP SCHEMA failover CASCADE");
    source.run("psql", ["-v", "ON_ERROR_STOP=1", "postgres"], stdout);
    const back = await open(urlOf(source.port));
    for (const claim of [accepted, since]) await rejection("FRESHNESS_UNKNOWN", back.replay.claim(claim));
  });

  test("a user without special rights notices a failover, too", async () => {
    const primary = opened.use(await PostgresServer.start());
    await migrated(urlOf(primary.port));
    await using admin = await primary.connect("failover");
    await admin.query(`CREATE USER app; GRANT USAGE ON SCHEMA failover TO app;
      GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA failover TO app`);
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_, message = "") => warnings.push(message), child: () => logger };
    const store = await open(urlOf(primary.port).replace("sealwire@", "app@"), logger);
    assert.is(await store.replay.claim(nonceClaim(Date.now(), "app")), true);
    await store.replay.sweep();
    assert.equal(warnings, []);
    assert.ok((await admin.query("SELECT FROM store_state WHERE origin IS NOT NULL")).rowCount === 1);
  });

  for (const sees of [true, false]) {
    test(`what the page has run for a copy refuses frames once, by a user who may ${sees ? "" : "not "}see where the WAL is`, async () => {
      const primary = opened.use(await PostgresServer.start());
      await migrated(urlOf(primary.port));
      await using admin = await primary.connect("failover");
      await admin.query(`CREATE USER app; GRANT USAGE ON SCHEMA failover TO app;
        GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA failover TO app`);
      if (!sees) await admin.query("REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC");
      const url = urlOf(primary.port).replace("sealwire@", "app@");
      const accepted = nonceClaim(Date.now(), "accepted");
      const before = await open(url);
      assert.is(await before.replay.claim(accepted), true);
      const page = await readFile(new URL("../../../docs/operations.md", import.meta.url), "utf8");
      const [, asked = ""] = /```sql\n(UPDATE sealwire\.store_state .*)\n```/.exec(page) ?? [];
      await admin.query(asked.replace("sealwire.", "failover."));
      const after = await open(url);
      await rejection("FRESHNESS_UNKNOWN", after.replay.claim(accepted));
      const floor = "SELECT replay_floor_ms FROM store_state";
      const { rows } = await admin.query(floor);
      await open(url);
      assert.equal((await admin.query(floor)).rows, rows);
    });
  }

  test("with --require-sync-replication a store is used only while a standby follows synchronously", async () => {
    const primary = opened.use(await PostgresServer.start());
    const url = urlOf(primary.port);
    await migrated(url);
    const start = () => openPostgresStore({ url, requireSyncReplication: true });
    assert.match((await rejection("STORE_UNUSABLE", start())).message, "synchronous_standby_names");
    const args = ["work", "--demo-tools", "--require-sync-replication"];
    const refused = await run(args, { env: { SEALWIRE_STORE: url } });
    assert.is(refused.code, 5, refused.stderr);
    assert.match(refused.stderr, "synchronous_standby_names");
    const standby = opened.use(await primary.startStandby());
    primary.configure("synchronous_standby_names = 'standby'");
    const store = opened.use(await eventually("it is in force", () => start().catch(() => undefined)));
    assert.is(await store.replay.claim(nonceClaim(Date.now(), "synced")), true);
    await store[Symbol.asyncDispose]();
    standby.crash();
    const { message } = await rejection("STORE_UNUSABLE", start());
    assert.match(message, "No standby follows");
    primary.configure("synchronous_standby_names = ''");
    await inFolder(async () => {
      const { code, stderr } = await run(["serve", "--dev", "--require-sync-replication", "--listen", "127.0.0.1:0"]);
      assert.is(code, 2);
      assert.match(stderr, "A store in a folder is not replicated");
    });
  });

  test("a floor that no clock of now can have set is taken back, one that it can stays", async () => {
    const server = opened.use(await PostgresServer.start());
    const url = urlOf(server.port);
    await migrated(url);
    const store = await open(url);
    const client = new Client({ connectionString: url.replace(/\?.*/, ""), options: "-c search_path=failover" });
    await client.connect();
    opened.defer(() => client.end());
    await client.query(`UPDATE store_state SET replay_floor_ms = ${Date.now() + 3_900_000}`);
    await rejection("FRESHNESS_UNKNOWN", store.replay.claim(nonceClaim(Date.now() + 50 * MINUTE_MS, "blocked")));
    const { beforeMs, afterMs } = await repairPostgresClock({ url });
    assert.ok(beforeMs - Date.now() > 55 * MINUTE_MS);
    // The database's clock is rounded in its own way.
    assert.ok(afterMs - Date.now() <= MINUTE_MS + 1_000);
    // What may have been accepted until now stays refused.
    await rejection("FRESHNESS_UNKNOWN", store.replay.claim(nonceClaim(Date.now(), "now")));
    assert.is(await store.replay.claim(nonceClaim(afterMs + 1, "later")), true);
    const again = await run(["store", "repair-clock"], { env: { SEALWIRE_STORE: url } });
    assert.is(again.code, 0);
    assert.match(again.stderr, "contains no time in the future");
  });
}

test.run();
