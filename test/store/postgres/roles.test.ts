// test-limit-ms: 240000
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import { sealwire } from "../../cli/cli-process.ts";
import { inFolder, run } from "../../cli/cli-run.ts";
import { nonceClaim } from "../../contract/store-under-test.ts";
import { OWNER, rolesOfPage, SERVER } from "../../support/postgres-roles.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { assert, suite } from "../../support/suite.ts";

/* The roles of docs/operations.md; that a server needs no more, the contract of a store shows, which runs as one. */
const test = suite("store/postgres/roles");

const SECRETS = ["--server-secret-file", "secrets.json"];
const REMOTE = "postgres://u@192.0.2.1/d?connect_timeout=1";

test("plaintext to another machine is warned of, unless it is asked for", () =>
  inFolder(async (cwd) => {
    const warns = async (args: readonly string[], store: string) => {
      const { code, stderr } = await sealwire(args, { cwd, env: { SEALWIRE_STORE: store } });
      assert.is(code, 4, stderr);
      return /"level":"warn".*192\.0\.2\.1:5432.*not encrypted.*sslmode=verify-full/.test(stderr);
    };
    for (const args of [
      ["store", "migrate"],
      ["store", "repair-clock"],
      ["keys", "list"],
      ["work", "--demo-tools"],
      ["serve", "--dev", "--listen", "127.0.0.1:0"],
    ]) {
      assert.is(await warns(args, REMOTE), true, args.join(" "));
    }
    for (const mode of ["disable", "verify-full"]) {
      assert.is(await warns(["store", "migrate"], `${REMOTE}&sslmode=${mode}`), false, mode);
    }
    assert.is(await warns(["store", "migrate"], "postgres://u@127.0.0.1:1/d"), false);
  }));

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start({ auth: "trust" });
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("who owns the schema migrates and manages keys, who serves does neither, and nobody may create in the database", () =>
    inFolder(async () => {
      const { roles, schema, grants } = rolesOfPage("paged");
      await using admin = await server.connect("public");
      await admin.query(roles + schema);
      const owner = { env: { SEALWIRE_STORE: server.urlFor(OWNER, "paged") } };
      const app = { env: { SEALWIRE_STORE: server.urlFor(SERVER, "paged") } };
      const early = await run(["store", "migrate"], app);
      assert.is(early.code, 2);
      assert.match(early.stderr, "permission denied for schema paged");
      const made = await run(["store", "migrate"], owner);
      assert.is(made.code, 0, made.stderr);
      await admin.query(`SET ROLE ${OWNER}; ${grants}`);
      await admin.query("RESET ROLE");
      for (const role of [OWNER, SERVER]) {
        const { rows } = await admin.query("SELECT has_database_privilege($1, current_database(), 'CREATE') AS may", [
          role,
        ]);
        assert.equal(rows, [{ may: false }]);
      }
      assert.is((await run(["store", "migrate"], owner)).code, 0);
      const words = ["keys", "add", "alice", "--server-id", "s", "--tools", "*", ...SECRETS, "--out"];
      const added = await run([...words, "a.json"], owner);
      assert.is(added.code, 0, added.stderr);
      for (const args of [
        [...words, "b.json"],
        ["keys", "revoke", added.stdout.trim()],
      ]) {
        const { code, stderr } = await run(args, app);
        assert.is(code, 2, stderr);
        assert.match(stderr, "permission denied for table key_ring");
      }
      assert.match((await run(["keys", "list"], app)).stdout, "alice");
      await using store = await openPostgresStore({ url: server.urlFor(SERVER, "paged") });
      await using ring = await store.watchKeyRing({ serverSecretFile: "secrets.json" });
      assert.is(ring.current().find(added.stdout.trim())?.clientId, "alice");
      await store.recordKeyUse(new Map([[added.stdout.trim(), Date.now()]]));
      assert.is(await store.replay.claim(nonceClaim(Date.now(), "one")), true);
      await store.replay.sweep();
      await admin.query(`SET ROLE ${SERVER}`);
      for (const statement of [
        "UPDATE paged.key_ring SET version = 9",
        "UPDATE paged.store_version SET min_reader = 9",
        "DELETE FROM paged.store_state",
        "TRUNCATE paged.job CASCADE",
        "CREATE TABLE paged.other (id integer)",
      ]) {
        assert.match(String(await admin.query(statement).catch((thrown) => thrown)), "permission denied", statement);
      }
    }));

  test("a migration makes the schema where it may, and says what is missing where it may not", async () => {
    await using admin = await server.connect("public");
    await admin.query("CREATE ROLE newcomer LOGIN");
    const there = { env: { SEALWIRE_STORE: server.urlFor("newcomer", "own") } };
    const refused = await run(["store", "migrate"], there);
    assert.is(refused.code, 2);
    assert.match(refused.stderr, /permission denied for database.*\n.*docs\/operations\.md has the SQL/);
    await admin.query("GRANT CREATE ON DATABASE postgres TO newcomer");
    assert.is((await run(["store", "migrate"], there)).code, 0);
  });
}

test.run();
