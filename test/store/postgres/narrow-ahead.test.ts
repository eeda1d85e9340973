// test-limit-ms: 240000
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import type { SharedStore } from "../../../src/store/postgres/shared-store.ts";
import { run } from "../../cli/cli-run.ts";
import { nonceClaim } from "../../contract/store-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/postgres/narrow-ahead");

const WIDE = { maxAgeMs: 300_000, maxAheadMs: 60_000 };
const NARROW = { maxAgeMs: 300_000, maxAheadMs: 2_000 };

let server: PostgresServer;
let schema: string;

const open = () => openPostgresStore({ url: server.url(schema), connectionsMax: 2 });
const narrow = (span = "2s") =>
  run(["store", "narrow", "--max-ahead", span], { env: { SEALWIRE_STORE: server.url(schema) } });

async function execute(statement: string): Promise<void> {
  await using client = await server.connect(schema);
  await client.query(statement);
}

/** Has a running store notice a failover, after which `lost` is missing. */
async function failOver(store: SharedStore, lost = ""): Promise<void> {
  await using client = await server.connect(schema);
  await client.query(`${lost}; UPDATE store_state SET origin = ''`);
  await eventually("it is noticed", async () => {
    assert.is(store.condition.serving, true);
    return (await client.query("SELECT FROM store_state WHERE origin <> ''")).rowCount === 1;
  });
}

if (hasPostgres(test)) {
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());
  test.before.each(async () => {
    schema = await server.newSchema();
  });

  test("a new store takes the bound at once, and after a failover frames are refused for no longer", async () => {
    const { code, stderr } = await narrow();
    assert.equal([code, stderr], [0, "The store has max_ahead_ms 2000 in place of 60000.\n"]);
    assert.equal((await narrow()).stderr, "The store has max_ahead_ms 2000 already.\n");
    assert.equal((await narrow("1m")).stderr, "The store has max_ahead_ms 2000 already.\n");
    await using store = await open();
    await store.replay.widen(NARROW);
    assert.is(await store.replay.claim(nonceClaim(Date.now(), "at once")), true);
    await failOver(store);
    const refused = await rejection("FRESHNESS_UNKNOWN", store.replay.claim(nonceClaim(Date.now(), "after")));
    assert.ok((refused.retryDelayMs ?? Number.POSITIVE_INFINITY) <= 2_001, String(refused.retryDelayMs));
  });

  test("what was accepted by the wider bound is not accepted again when its nonce is lost after the narrowing", async () => {
    const ahead = nonceClaim(Date.now() + 59_000, "far ahead");
    {
      await using store = await open();
      await store.replay.widen(WIDE);
      assert.is(await store.replay.claim(ahead), true);
    }
    assert.match((await narrow()).stderr, /in place of 60000\. Frames up to 2\d{3}-.*Z are refused\./);
    await using store = await open();
    await store.replay.widen(NARROW);
    await failOver(store, "DELETE FROM nonce");
    await rejection("FRESHNESS_UNKNOWN", store.replay.claim(ahead));
  });

  test("a running server keeps the bound as it is, a worker does not", async () => {
    await using store = await open();
    await store.announce({ role: "server", address: "10.0.0.7:50051" });
    const { code, stderr } = await narrow();
    assert.is(code, 2);
    assert.match(stderr, "10.0.0.7:50051");
    assert.match(stderr, "Stop all servers first");
    await store.announce({ role: "worker", address: "" });
    assert.is((await narrow()).code, 0);
  });

  test("a server that was not seen, with a larger limit, accepts nothing before the store has its bound again", async () => {
    await using server = await open();
    await server.replay.widen(WIDE);
    await narrow();
    await execute("UPDATE store_state SET replay_floor_ms = 0");
    await rejection("UNAVAILABLE", server.replay.claim(nonceClaim(Date.now() + 59_000, "meanwhile")));
    assert.is(await server.replay.claim(nonceClaim(Date.now() + 59_000, "again")), true);
    assert.equal((await narrow("60s")).stderr, "The store has max_ahead_ms 60000 already.\n");
  });

  test("a span that no limit can be is refused by the name of the option", async () => {
    const { code, stderr } = await narrow("11m");
    assert.is(code, 2);
    assert.match(stderr, "--max-ahead");
  });
}

test.run();
