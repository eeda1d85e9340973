// test-limit-ms: 240000
import type { Client } from "pg";
import { HandBackError } from "../../../src/jobs/hand-back.ts";
import { LAYOUT_1 } from "../../../src/store/postgres/layout-1.ts";
import { LAYOUT_2 } from "../../../src/store/postgres/layout-2.ts";
import { LAYOUT_3 } from "../../../src/store/postgres/layout-3.ts";
import { MIGRATIONS } from "../../../src/store/postgres/migrations.ts";
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import { SCHEMA_VERSION } from "../../../src/store/postgres/schema.ts";
import { CliProcess } from "../../cli/cli-process.ts";
import { inFolder, run } from "../../cli/cli-run.ts";
import { digest, nonceClaim } from "../../contract/store-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/postgres/layouts");

const DAY_MS = 86_400_000;
const STATES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];
/** How a server of layout 1 claims nonces. */
const CLAIM_1 = `SELECT place FROM claim_nonces(
  $1::integer, $2::bigint, $3::text[], $4::bytea[], $5::bigint[]) AS place`;

let server: PostgresServer;
let schemas = 0;

/** A store as version 0.1 made it, with jobs in every state, and a connection to it. */
async function storeOfLayout1(): Promise<{ schema: string; client: Client & AsyncDisposable }> {
  schemas += 1;
  const schema = `old_${schemas}`;
  const client = await server.connect(schema);
  await client.query(`CREATE SCHEMA ${schema}; CREATE TABLE store_version (version integer NOT NULL)`);
  for (const statement of LAYOUT_1) await client.query(statement);
  await client.query("INSERT INTO store_version VALUES (1)");
  await client.query("UPDATE store_state SET page_key = $1", [Buffer.alloc(32, 1)]);
  const nowMs = Date.now();
  for (const state of STATES) {
    const ended = state === "QUEUED" || state === "RUNNING" ? null : nowMs;
    const { rows } = await client.query(
      `INSERT INTO job (job_id, owner, request_id, intent_digest, tool, state, revision, attempt, failures,
        cancel_requested, instance_id, priority, max_attempts, execution_timeout_ms, initial_backoff_ms, max_backoff_ms,
        retention_ms, cancel_grace_ms, created_at_ms, run_at_ms, started_at_ms, ended_at_ms, expires_at_ms, error)
      VALUES ($1, 'alice', $1, $2, 'echo', $1, 3, 1, 0, FALSE, 'gone', 0, 3, 3600000, 10, 100, ${DAY_MS}, 10000, $3, $3, $3,
        $4::bigint, $4::bigint + ${DAY_MS}, $5) RETURNING seq`,
      [state, digest(state), nowMs, ended, state === "FAILED" ? '{"reason":"TOOL_FAILED","message":"no"}' : null],
    );
    await client.query("INSERT INTO job_args VALUES ($1, $2)", [rows[0].seq, Buffer.from("args")]);
    if (state === "SUCCEEDED") {
      await client.query("INSERT INTO job_result VALUES ($1, $2)", [rows[0].seq, Buffer.from("done")]);
    }
  }
  await client.query("INSERT INTO intent VALUES ('alice', 'finished', $1, $2, 'gone', $3)", [
    digest("finished"),
    Buffer.from("outcome"),
    nowMs + DAY_MS,
  ]);
  return { schema, client };
}

async function claimAsLayout1(client: Client, text: string, tsMs: number): Promise<boolean> {
  const values = [7, Date.now(), ["alice"], [digest(text)], [Math.min(tsMs + 300_000, Number.MAX_SAFE_INTEGER)]];
  return (await client.query({ name: "claim", text: CLAIM_1, values })).rowCount === 1;
}

async function migrate(schema: string, ...options: readonly string[]) {
  return run(["store", "migrate", ...options], { env: { SEALWIRE_STORE: server.url(schema) } });
}

if (hasPostgres(test)) {
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("a store of layout 1 is upgraded with its jobs in every state, its intents and its nonces", async () => {
    const { schema, client } = await storeOfLayout1();
    await using _ = client;
    const nowMs = Date.now();
    assert.is(await claimAsLayout1(client, "claimed", nowMs), true);
    const endOfTime = Number.MAX_SAFE_INTEGER;
    for (let index = 0; index < 50; index += 1) await claimAsLayout1(client, `far ${index}`, endOfTime - index);
    const due = await migrate(schema, "--check");
    assert.is(due.code, 1);
    assert.match(due.stderr, "migration is due");
    await rejection("STORE_INCOMPATIBLE", openPostgresStore({ url: server.url(schema) }));
    assert.match((await migrate(schema)).stderr, `from layout 1 to ${SCHEMA_VERSION}`);
    assert.is((await migrate(schema, "--check")).code, 0);
    assert.match((await migrate(schema)).stderr, "already");

    await using store = await openPostgresStore({ url: server.url(schema) });
    for (const state of ["SUCCEEDED", "FAILED", "CANCELLED"]) {
      assert.is((await store.jobs.get("alice", state))?.state, state);
    }
    assert.equal(Buffer.from((await store.jobs.result("alice", "SUCCEEDED")) ?? []), Buffer.from("done"));
    await store.jobs.work(new Map([["echo", async () => Buffer.from("ran")]]), { concurrency: 4 });
    for (const state of ["QUEUED", "RUNNING"]) {
      await eventually(
        `the ${state} one ended`,
        async () => (await store.jobs.get("alice", state))?.state === "SUCCEEDED",
      );
    }
    const known = await store.intents.begin("alice", "finished", digest("finished"));
    assert.is(known.kind, "finished");
    assert.is(await store.replay.claim(nonceClaim(nowMs, "claimed")), false);
    assert.is(await store.replay.size(), 1, "nonces of the far future take room");
    await rejection("FRESHNESS_UNKNOWN", store.replay.claim(nonceClaim(endOfTime - 5, "far 5")));
  });

  for (let layout = 1; layout < MIGRATIONS.length; layout += 1) {
    test(`a store of layout ${layout} is upgraded with its jobs, its intents and its nonces`, async () => {
      const { schema, client } = await storeOfLayout1();
      await using _ = client;
      for (const { statements } of MIGRATIONS.slice(1, layout))
        for (const statement of statements) await client.query(statement);
      await client.query("UPDATE store_version SET version = $1", [layout]);
      const nowMs = Date.now();
      assert.is(await claimAsLayout1(client, "claimed", nowMs), true);
      assert.match((await migrate(schema)).stderr, `from layout ${layout} to ${SCHEMA_VERSION}`);
      await using store = await openPostgresStore({ url: server.url(schema) });
      // Its process is gone: the job that ran is queued again.
      const { byState } = await store.jobs.stats();
      assert.equal(byState, { QUEUED: 2, RUNNING: 0, SUCCEEDED: 1, FAILED: 1, CANCELLED: 1 });
      assert.is((await store.intents.begin("alice", "finished", digest("finished"))).kind, "finished");
      assert.is(await store.replay.claim(nonceClaim(nowMs, "claimed")), false);
      assert.is(await store.replay.claim(nonceClaim(nowMs, "new")), true);
    });
  }

  test("a server of layout 1 goes on while the store is upgraded, and beside newer ones", async () => {
    const { schema, client: old } = await storeOfLayout1();
    await using _ = old;
    const nowMs = Date.now();
    assert.is(await claimAsLayout1(old, "before", nowMs), true);
    const [, during] = await Promise.all([migrate(schema), claimAsLayout1(old, "during", nowMs)]);
    assert.is(during, true);
    await using store = await openPostgresStore({ url: server.url(schema) });
    for (const text of ["before", "during"]) {
      assert.is(await claimAsLayout1(old, text, nowMs), false);
      assert.is(await store.replay.claim(nonceClaim(nowMs, text)), false);
    }
    assert.is(await store.replay.claim(nonceClaim(nowMs, "by the newer")), true);
    assert.is(await claimAsLayout1(old, "by the newer", nowMs), false);
    assert.is(await claimAsLayout1(old, "by the older", nowMs), true);
    assert.is(await store.replay.claim(nonceClaim(nowMs, "by the older")), false);
    // Everything that an older server reads and writes is there as it was.
    assert.is((await old.query("SELECT version FROM store_version")).rowCount, 1);
    assert.is((await old.query("UPDATE store_state SET replay_floor_ms = greatest(replay_floor_ms, 1)")).rowCount, 1);
    assert.is((await old.query("SELECT page_key FROM store_state")).rows[0].page_key.length, 32);
    await store.replay.distrust();
    assert.is(await claimAsLayout1(old, "distrusted", nowMs), false);
  });

  test("what a server of layout 2 has prepared runs on after the upgrade, and its intents are never run again", async () => {
    const { schema, client: old } = await storeOfLayout1();
    await using _ = old;
    for (const statement of LAYOUT_2) await old.query(statement);
    await old.query("UPDATE store_version SET version = 2");
    const begin = (requestId: string) =>
      old.query({
        name: "begin",
        text: `INSERT INTO intent (client_id, request_id, intent_digest, instance_id, expires_at_ms)
          SELECT *, 'old', $4 FROM unnest($1::text[], $2::text[], $3::bytea[])`,
        values: [["alice"], [requestId], [digest("same")], Date.now() + DAY_MS],
      });
    const touch = () =>
      old.query({
        name: "touch",
        text: "UPDATE job SET revision = revision + 1 WHERE job_id = $1 RETURNING *",
        values: ["RUNNING"],
      });
    const find = () => old.query({ name: "find", text: "SELECT * FROM job WHERE job_id = $1", values: ["RUNNING"] });
    const remove = (jobId: string) =>
      old.query({ name: "remove", text: "DELETE FROM job WHERE job_id = $1", values: [jobId] });
    await begin("before");
    await Promise.all([touch(), find(), remove("none")]);
    assert.match((await migrate(schema)).stderr, `from layout 2 to ${SCHEMA_VERSION}`);
    await begin("after");
    assert.is((await touch()).rowCount, 1);
    assert.is((await find()).rowCount, 1);

    await using store = await openPostgresStore({ url: server.url(schema) });
    for (const requestId of ["before", "after"]) {
      const begun = await store.intents.begin("alice", requestId, digest("same"), { repeatable: true });
      assert.is(begun.kind, "unknown", requestId);
    }
    await store.jobs.work(
      new Map([
        [
          "echo",
          async () => {
            throw new HandBackError("shutting down", { began: true, delayMs: DAY_MS });
          },
        ],
      ]),
      { concurrency: 4 },
    );
    await eventually("the job was handed back", async () => {
      const { rows } = await old.query("SELECT hand_backs FROM job_hand_back");
      return rows.length > 0;
    });
    assert.ok(((await old.query("SELECT FROM job_attempt")).rowCount ?? 0) > 0);
    await remove("QUEUED");
    await remove("RUNNING");
    assert.is((await old.query("SELECT FROM job_hand_back")).rowCount, 0);
    assert.is((await old.query("SELECT FROM job_attempt")).rowCount, 0);
  });

  test("what a server of layout 3 has prepared runs on after the upgrade to layout 4", async () => {
    const { schema, client: old } = await storeOfLayout1();
    await using _ = old;
    for (const statement of [...LAYOUT_2, ...LAYOUT_3]) await old.query(statement);
    await old.query("UPDATE store_version SET version = 3");
    const renew = () =>
      old.query({
        name: "renew",
        text: `INSERT INTO instance VALUES ('old', clock_timestamp() + interval '1 minute')
          ON CONFLICT (instance_id) DO UPDATE SET expires_at = excluded.expires_at`,
      });
    const claim = (jobId: string) =>
      old.query({
        name: "claim",
        text: `UPDATE job SET state = 'RUNNING', attempt = attempt + 1, instance_id = 'old', started_at_ms = $2
          WHERE job_id = $1 AND state = 'QUEUED' RETURNING *`,
        values: [jobId, Date.now()],
      });
    await Promise.all([renew(), claim("none")]);
    assert.match((await migrate(schema)).stderr, `from layout 3 to ${SCHEMA_VERSION}`);
    await renew();
    assert.is((await claim("QUEUED")).rowCount, 1);
    await using store = await openPostgresStore({ url: server.url(schema) });
    assert.is((await store.jobs.get("alice", "QUEUED"))?.state, "RUNNING", "its server lives");
    await store.auditHeads.record("chain", { sequence: 1, head: digest("head") });
    assert.is((await store.auditHeads.read("chain"))?.sequence, 1);
  });

  test("what newer software only added to is used on, what it changed ends a running process with 5", () =>
    inFolder(async (cwd) => {
      const schema = await server.newSchema();
      await using client = await server.connect(schema);
      await client.query("UPDATE store_version SET version = 99");
      const newer = await migrate(schema, "--check");
      assert.is(newer.code, 0);
      assert.match(newer.stderr, "can use it");
      assert.match((await migrate(schema)).stderr, "layout 99 already");
      const env = { SEALWIRE_STORE: server.url(schema) };
      await using worker = new CliProcess(["work", "--demo-tools"], { cwd, env });
      await worker.until("it works", () => worker.stdout.includes("\n"));
      await client.query("UPDATE store_version SET min_reader = 99");
      const { code, stderr } = await worker.ended;
      assert.is(code, 5, stderr);
      assert.match(stderr, "the store is lost; draining");
      assert.match(stderr, "has layout 99");
      assert.is((await migrate(schema, "--check")).code, 5);
      assert.is((await migrate(schema)).code, 5);
    }));

  test("who owns the schema may migrate it, and who could use the tables can use the new ones", async () => {
    const { schema, client } = await storeOfLayout1();
    await using _ = client;
    await client.query(`CREATE USER owner; CREATE USER app; REVOKE CREATE ON DATABASE postgres FROM PUBLIC;
      ALTER SCHEMA ${schema} OWNER TO owner; GRANT USAGE ON SCHEMA ${schema} TO app;
      GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA ${schema} TO app`);
    await client.query(`DO $$ DECLARE each record; BEGIN
      FOR each IN SELECT tablename FROM pg_tables WHERE schemaname = '${schema}' LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO owner', each.tablename);
      END LOOP; END $$; ALTER FUNCTION claim_nonces OWNER TO owner`);
    const as = (user: string) => ({ env: { SEALWIRE_STORE: server.url(schema).replace("sealwire@", `${user}@`) } });
    const migrated = await run(["store", "migrate"], as("owner"));
    assert.is(migrated.code, 0, migrated.stderr);
    await using store = await openPostgresStore({ url: as("app").env.SEALWIRE_STORE });
    await store.replay.refuse(nonceClaim(Date.now() + 3 * DAY_MS, "ahead"));
    assert.is(await store.replay.claim(nonceClaim(Date.now(), "now")), true);
    await store.replay.sweep();
    const begin = () => store.intents.begin("alice", "repeatable", digest("same"), { repeatable: true });
    assert.is((await begin()).kind, "begun");
    await store.intents.giveUp("alice", "repeatable");
    assert.is((await begin()).kind, "begun");
    await store.jobs.work(
      new Map([
        [
          "echo",
          async ({ attempt }) => {
            if (attempt < 4) throw new HandBackError("shutting down", { began: true, delayMs: 0 });
            return Buffer.from("done");
          },
        ],
      ]),
      { concurrency: 4 },
    );
    await eventually("a job ended", async () => (await store.jobs.get("alice", "QUEUED"))?.state === "SUCCEEDED");
    await store.auditHeads.record("chain", { sequence: 1, head: digest("head") });
    assert.is((await store.auditHeads.read("chain"))?.sequence, 1);
  });
}

test.run();
