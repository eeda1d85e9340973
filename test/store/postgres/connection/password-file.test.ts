// test-limit-ms: 120000
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findPassword } from "../../../../src/store/postgres/connection/password-file.ts";
import { SCHEMA_VERSION } from "../../../../src/store/postgres/schema.ts";
import { sealwire } from "../../../cli/cli-process.ts";
import { inFolder } from "../../../cli/cli-run.ts";
import { hasPostgres, PostgresServer } from "../../../support/postgres-server.ts";
import { rejection } from "../../../support/rejection.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/postgres/connection/password-file");

const LINES = String.raw`
# one:5432:d:u:comment
one:5432:d:u:first
one:5432:d:u:second
*:1:*:*:any\:thing\\
[::1]:5432:d:u:never
\:\:1:5432:d:u:six
localhost:5432:d:u:socket
/srv/pg:5433:d:u:path
two:5432:d:u:
broken
`;

test("a password is found as libpq finds it, and the first line that fits counts", () =>
  inFolder(async () => {
    await writeFile("pass", LINES.replaceAll("\n", "\r\n"), { mode: 0o600 });
    const find = (host: string, port = 5432, user = "u") =>
      findPassword({ path: "pass", host: { host, port }, database: "d", user });
    assert.is(await find("one"), "first");
    assert.is(await find("three", 1, "x"), "any:thing\\");
    assert.is(await find("::1"), "six");
    assert.is(await find("/run/postgresql"), "socket");
    assert.is(await find("/srv/pg", 5433), "path");
    for (const host of ["two", "four", "broken"]) {
      assert.match((await rejection("OPTIONS_INVALID", find(host))).message, "requires a password for u");
    }
    await chmod("pass", 0o640);
    assert.match((await rejection("OPTIONS_INVALID", find("one"))).message, "chmod 600 pass");
    const none = findPassword({ path: "none", host: { host: "one", port: 1 }, database: "d", user: "u" });
    assert.match((await rejection("OPTIONS_INVALID", none)).message, "PGPASSWORD or none");
  }));

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start({ auth: "scram-sha-256" });
    server.runOverSocket("psql", ["-c", "ALTER USER sealwire PASSWORD 'sesame'", "postgres"]);
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("commands take the password from the file, without a word, where nothing else gives one", () =>
    inFolder(async (cwd) => {
      const migrate = (env: Readonly<Record<string, string>>) =>
        sealwire(["store", "migrate"], { cwd, env: { HOME: cwd, SEALWIRE_STORE: server.url("passed"), ...env } });
      const missing = await migrate({});
      assert.is(missing.code, 2);
      assert.match(missing.stderr, `PGPASSWORD or ${join(cwd, ".pgpass")}`);
      await writeFile(".pgpass", `127.0.0.1:${server.port}:*:sealwire:sesame\n`, { mode: 0o600 });
      const found = await migrate({});
      assert.equal([found.code, found.stderr], [0, `The store was migrated from layout 0 to ${SCHEMA_VERSION}.\n`]);
      await writeFile("other", `*:*:*:*:wrong\n`, { mode: 0o600 });
      assert.match((await migrate({ PGPASSFILE: "other" })).stderr, "password authentication failed");
      assert.is((await migrate({ PGPASSFILE: "other", PGPASSWORD: "sesame" })).code, 0);
    }));
}

test.run();
