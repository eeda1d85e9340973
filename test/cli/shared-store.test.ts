import { readFile, stat } from "node:fs/promises";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { assert, suite } from "../support/suite.ts";
import { inFolder, run } from "./cli-run.ts";

const test = suite("cli/shared-store");

const SECRET = ["--server-secret-file", "secrets.json"];

test("a store is a PostgreSQL URL without a password that others could read", async () => {
  for (const [store, what] of [
    ["redis://h/1", "not a PostgreSQL URL"],
    ["postgres://u:sesame@h/d", "can be read by others"],
    ["postgres://h/d?password=sesame", "can be read by others"],
    ["postgres://h:x/d", "not a URL"],
  ] as const) {
    const { code, stderr } = await run(["store", "migrate", "--store", store]);
    assert.is(code, 2);
    assert.match(stderr, what);
    assert.not.match(stderr, "sesame");
  }
});

test("what needs a shared store says so", async () => {
  assert.match((await run(["work", "--demo-tools"])).stderr, "needs a shared store");
  const keys = await run(["keys", "rotate-server", "--store", "postgres://h/d"]);
  assert.match(keys.stderr, "needs its server secrets");
});

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("keys are made, rotated, listed and revoked in the database, the secrets in their file", () =>
    inFolder(async () => {
      const env = { SEALWIRE_STORE: server.url("keys") };
      const keys = (...args: readonly string[]) => run(["keys", ...args, ...SECRET], { env });
      assert.match((await keys("list")).stderr, "sealwire store migrate");
      assert.match((await run(["store", "migrate"], { env })).stderr, "from layout 0");
      assert.match((await keys("list")).stderr, "no key ring");

      const added = await keys("add", "alice", "--server-id", "shared", "--tools", "*", "--out", "a1.json");
      assert.match(added.stderr, / works from /);
      assert.is((await stat("secrets.json")).mode & 0o777, 0o600);
      assert.is((await keys("rotate-server")).code, 0);
      assert.is(JSON.parse(await readFile("secrets.json", "utf8")).server_secrets.length, 2);
      const rotated = await keys("rotate", "alice", "--out", "a2.json");
      assert.is(rotated.code, 0, rotated.stderr);
      await keys("revoke", added.stdout.trim());

      const listed = (await keys("list", "--json")).stdout.trim().split("\n");
      const rows = listed.map((line) => JSON.parse(line));
      assert.equal(
        rows.map(({ state }) => state),
        ["revoked", "active"],
      );
      assert.ok(rows[1].notBefore > rows[1].createTime);
      assert.is.not(rows[0].serverSecretId, rows[1].serverSecretId);
      await run([
        "keys",
        "add",
        "bob",
        "--key-ring",
        "own.json",
        "--server-id",
        "s",
        "--tools",
        "*",
        "--out",
        "b.json",
      ]);
      const imported = await keys("add", "bob", "--tools", "*", "--import", "b.json", "--out", "b2.json");
      assert.match(imported.stderr, "holds no secrets");
    }));
}

test.run();
