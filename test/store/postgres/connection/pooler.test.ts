import { openPostgresStore } from "../../../../src/store/postgres/open.ts";
import { run } from "../../../cli/cli-run.ts";
import { nonceClaim, spec } from "../../../contract/store-under-test.ts";
import { eventually } from "../../../support/eventually.ts";
import { hasPgBouncer, PgBouncer, type PgBouncerOptions } from "../../../support/pg-bouncer.ts";
import { hasPostgres, PostgresServer } from "../../../support/postgres-server.ts";
import { rejection } from "../../../support/rejection.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/postgres/connection/pooler");

let server: PostgresServer;
let opened: AsyncDisposableStack;

async function bouncer(mode: PgBouncerOptions["mode"], lines?: string): Promise<PgBouncer> {
  return opened.use(await PgBouncer.start({ target: server.port, mode, ...(lines !== undefined && { lines }) }));
}

if (hasPostgres(test) && hasPgBouncer(test)) {
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());
  test.before.each(() => {
    opened = new AsyncDisposableStack();
  });
  test.after.each(() => opened.disposeAsync());

  test("in session mode a store is migrated and used, and its processes hear of each other", async () => {
    const { port } = await bouncer("session");
    const env = { SEALWIRE_STORE: server.url("pooled", port) };
    const migrated = await run(["store", "migrate"], { env });
    assert.is(migrated.code, 0, migrated.stderr);
    const open = async () => opened.use(await openPostgresStore({ url: env.SEALWIRE_STORE, connectionsMax: 2 }));
    const [one, other] = [await open(), await open()];
    await other.jobs.work(new Map([["echo", async () => Buffer.from("done")]]), { concurrency: 1 });
    const startedAt = performance.now();
    const { job } = await one.jobs.submit(spec());
    await eventually("it ended", async () => (await one.jobs.get("alice", job.jobId))?.state === "SUCCEEDED");
    assert.ok(performance.now() - startedAt < 4_000, "the worker looked by itself instead of being told");
    assert.is(await one.replay.claim(nonceClaim(Date.now(), "pooled")), true);
    assert.is(await other.replay.claim(nonceClaim(Date.now(), "pooled")), false);
  });

  test("settings that a pooler drops from the start are made all the same", async () => {
    const dropped = "search_path,synchronous_commit,default_transaction_isolation,options,statement_timeout";
    const { port } = await bouncer("session", `ignore_startup_parameters = ${dropped}`);
    const env = { SEALWIRE_STORE: server.url("kept", port) };
    await using client = await server.connect("public");
    await client.query("ALTER DATABASE postgres SET synchronous_commit = off");
    assert.is((await run(["store", "migrate"], { env })).code, 0);
    const { rows } = await client.query("SELECT schemaname FROM pg_tables WHERE tablename = 'job' ORDER BY 1");
    assert.ok(rows.some(({ schemaname }) => schemaname === "kept"));
    assert.not.ok(rows.some(({ schemaname }) => schemaname === "public"));
    await client.query("ALTER DATABASE postgres RESET synchronous_commit");
  });

  for (const mode of ["transaction", "statement"] as const) {
    test(`in ${mode} mode every command refuses at once and names session mode`, async () => {
      await server.newSchema();
      const { port } = await bouncer(mode);
      const env = { SEALWIRE_STORE: server.url("store_1", port) };
      for (const args of [
        ["store", "migrate"],
        ["keys", "list", "--server-secret-file", "none.json"],
        ["work", "--demo-tools"],
      ]) {
        const { code, stderr } = await run(args, { env });
        assert.ok(code === 2 || code === 5, `${args.join(" ")} ended with ${code}: ${stderr}`);
        assert.match(stderr, "pool_mode = session");
      }
    });
  }

  test("a database that the pooler does not know is a fault that does not pass", async () => {
    const { port } = await bouncer("session");
    const url = `postgres://sealwire@127.0.0.1:${port}/elsewhere`;
    assert.match((await rejection("OPTIONS_INVALID", openPostgresStore({ url }))).message, "elsewhere");
  });
}

test.run();
