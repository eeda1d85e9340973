// test-limit-ms: 240000
import { Client } from "pg";
import type { Logger } from "../../../src/runtime/logger.ts";
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import { SCHEMA_VERSION } from "../../../src/store/postgres/schema.ts";
import { sealwire } from "../../cli/cli-process.ts";
import { inFolder, run } from "../../cli/cli-run.ts";
import { eventually } from "../../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/postgres/start-faults");

/** Exit codes of a fault that an operator has to mend, and of one that may pass. */
const PERMANENT = [2, 5];
const PASSING = 4;

let server: PostgresServer;

/** A connection that no password is asked of. */
async function admin(database = "postgres"): Promise<Client & AsyncDisposable> {
  const client = new Client({ host: server.socketFolder, port: server.port, user: "sealwire", database });
  client.on("error", () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => {}) });
}

const urlFor = (user: string, database = "postgres", schema = "faults") =>
  `postgres://${user}@127.0.0.1:${server.port}/${database}?schema=${schema}`;

/** How `work` starts; it would run on if nothing were wrong. */
const work = (url: string) => run(["work", "--demo-tools"], { env: { SEALWIRE_STORE: url } });

if (hasPostgres(test)) {
  test.before(async () => {
    server = await PostgresServer.start({ auth: "scram-sha-256" });
    await using client = await admin();
    await client.query(`ALTER USER sealwire PASSWORD 'owner';
      CREATE USER guest PASSWORD 'guest'; CREATE USER full PASSWORD 'full' CONNECTION LIMIT 0;
      CREATE SCHEMA foreign_tables; CREATE TABLE foreign_tables.job (id integer);
      CREATE SCHEMA half; CREATE TABLE half.store_version (version integer, min_reader integer DEFAULT 1); INSERT INTO half.store_version VALUES (${SCHEMA_VERSION})`);
    await client.query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
    const made = await run(["store", "migrate"], { env: { SEALWIRE_STORE: urlFor("sealwire:owner") } });
    assert.is(made.code, 0, made.stderr);
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("what does not pass by itself ends a start with its cause", async () => {
    for (const [url, ...said] of [
      [urlFor("sealwire:wrong"), "password authentication failed", "pg_hba.conf"],
      [urlFor("nobody:x"), "password authentication failed", "pg_hba.conf"],
      [urlFor("sealwire"), "password", "PGPASSWORD"],
      [urlFor("sealwire:owner", "nowhere"), '"nowhere" does not exist', "CREATE DATABASE"],
      [urlFor("guest:guest"), "permission denied", "Grant"],
      [urlFor("sealwire:owner", "postgres", "absent"), "has no Sealwire tables", "store migrate"],
      [urlFor("sealwire:owner", "postgres", "foreign_tables"), "has no Sealwire tables", "store migrate"],
      [urlFor("sealwire:owner", "postgres", "half"), "does not exist", "schema of its own"],
      [urlFor("sealwire:owner", "latin"), "encoding LATIN1", "UTF8"],
    ] as const) {
      const { code, stderr } = await work(url);
      assert.ok(PERMANENT.includes(code ?? -1), `${url}: ${code}: ${stderr}`);
      for (const each of said) assert.match(stderr, each);
      assert.not.match(stderr, "owner@");
    }
  });

  test("a migration refuses them, too", async () => {
    for (const [url, said] of [
      [urlFor("sealwire:wrong"), "password authentication failed"],
      [urlFor("sealwire:owner", "nowhere"), "does not exist"],
      [urlFor("guest:guest", "postgres", "guests"), "permission denied"],
      [urlFor("sealwire:owner", "latin"), "encoding LATIN1"],
      [urlFor("sealwire:owner", "postgres", "foreign_tables"), '"job" already exists'],
    ] as const) {
      const { code, stderr } = await run(["store", "migrate"], { env: { SEALWIRE_STORE: url } });
      assert.ok(PERMANENT.includes(code ?? -1), `${url}: ${code}: ${stderr}`);
      assert.match(stderr, said);
    }
    await using client = await admin();
    const { rows } = await client.query("SELECT FROM pg_tables WHERE schemaname = 'foreign_tables'");
    assert.is(rows.length, 1);
  });

  test("what may pass ends a start as unreachable", async () => {
    for (const url of [
      "postgres://sealwire@127.0.0.1:1/postgres",
      "postgres://sealwire@nowhere.invalid/postgres",
      urlFor("full:full"),
    ]) {
      const { code, stderr } = await work(url);
      assert.is(code, PASSING, stderr);
      assert.match(stderr, "cannot be used");
    }
  });

  test("the process ends so, too", () =>
    inFolder(async (cwd) => {
      const env = { SEALWIRE_STORE: urlFor("sealwire:wrong") };
      const { code, stderr } = await sealwire(["serve", "--dev"], { cwd, env });
      assert.ok(PERMANENT.includes(code ?? -1), stderr);
      assert.match(stderr, "password authentication failed");
    }));

  test("a password that is changed under a running store is away with its name, until it is back", async () => {
    const lines: string[] = [];
    const keep = (fields: object, message = "") => {
      const { err } = fields as { err?: Error };
      lines.push(err === undefined ? message : `${message}: ${err.message}`);
    };
    const logger: Logger = { debug() {}, info: keep, warn: keep, error: keep, child: () => logger };
    await using store = await openPostgresStore({ url: urlFor("sealwire:owner"), logger });
    await using client = await admin();
    await client.query("ALTER USER sealwire PASSWORD 'rotated'");
    const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
    await client.query(`${end} AND application_name LIKE 'sealwire%'`);
    await eventually("it says so", () => lines.some((line) => line.includes("password authentication failed")));
    await rejection("UNAVAILABLE", store.jobs.get("alice", "j"));
    await client.query("ALTER USER sealwire PASSWORD 'owner'");
    await eventually("it is back", () => lines.includes("the database can be used again"));
    assert.not.ok(await store.jobs.get("alice", "j"));
  });

  test("a database that comes and goes gives one pair of lines", async () => {
    const lines: string[] = [];
    const keep = (_: object, message = "") => lines.push(message);
    const logger: Logger = { debug() {}, info: keep, warn: keep, error: keep, child: () => logger };
    await using _store = await openPostgresStore({ url: urlFor("sealwire:owner"), logger, connectionsMax: 2 });
    await using client = await admin();
    const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sealwire%'";
    for (let times = 0; times < 6; times += 1) {
      await client.query(end);
      await eventually("it connects again", async () => {
        const notifications = await client.query(
          "SELECT FROM pg_stat_activity WHERE application_name = 'sealwire notifications'",
        );
        const others = await client.query("SELECT FROM pg_stat_activity WHERE application_name = 'sealwire'");
        return notifications.rowCount === 1 && (others.rowCount ?? 0) > 0;
      });
    }
    await eventually("both are back", () => lines.includes("the connection for notifications was restored"));
    assert.is(lines.filter((line) => line === "the connection for notifications was lost").length, 1);
    assert.is(lines.filter((line) => line === "the connection for notifications was restored").length, 1);
    assert.ok(lines.filter((line) => line === "the database can be used again").length <= 1);
  });
}

test.run();
