// test-limit-ms: 240000
import type { Logger } from "../../../src/runtime/logger.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { openPostgresStore } from "../../../src/store/postgres/open.ts";
import { CliServer } from "../../cli/cli-process.ts";
import { inFolder, run } from "../../cli/cli-run.ts";
import { nonceClaim } from "../../contract/store-under-test.ts";
import { OWNER, SERVER } from "../../support/postgres-roles.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { rejection } from "../../support/rejection.ts";
import { scrape } from "../../support/scrape.ts";
import { assert, suite } from "../../support/suite.ts";

/* What the database denies to the store's user lasts until somebody grants it; it is no outage. */
const test = suite("store/postgres/denied");

const DENIES = "the database denies the store's user a statement";
const OUTAGE = "the database cannot be used";

if (hasPostgres(test)) {
  let server: PostgresServer;
  let schema: string;
  test.before(async () => {
    server = await PostgresServer.start({ auth: "trust" });
  });
  test.after(() => server[Symbol.asyncDispose]());
  test.before.each(async () => {
    schema = await server.newSchemaOfRoles();
  });

  test("an operator who may not change keys is told so, the log says why, and the server goes on as if nothing were", () =>
    inFolder(async (folder) => {
      const owner = { env: { SEALWIRE_STORE: server.urlFor(OWNER, schema) } };
      const secret = ["--server-secret-file", "secrets.json"];
      const add = async (client: string, ...options: readonly string[]): Promise<string> => {
        const at = ["--not-before", "2020-01-01T00:00:00Z", "--out", `${client}.json`];
        const words = ["keys", "add", client, "--server-id", "s", ...secret, ...at, ...options];
        const added = await run(words, owner);
        assert.is(added.code, 0, added.stderr);
        return added.stdout.trim();
      };
      const keyId = await add("alice", "--tools", "*");
      await add("ann", "--role", "operator");
      const place = { folder, env: { SEALWIRE_STORE: server.urlFor(SERVER, schema) } };
      const options = [...secret, "--demo-tools", "--metrics", "127.0.0.1:0"];
      await using served = await CliServer.start(place, ...options);
      const at = ["--address", served.ready.listening];
      for (const action of ["revoke", "retire", "revoke"]) {
        const { code, stderr } = await run(["ops", action, keyId, "--credentials", "ann.json", ...at]);
        assert.is(code, 1, stderr);
        assert.match(stderr, "The key ring cannot be changed by this server; its log has the cause.");
        assert.is((await scrape(served.ready.metrics ?? "")).value("sealwire_store_up"), 1, action);
      }
      const sum = ["call", "batch_sum", '{"numbers": [1, 2]}', "--credentials", "alice.json", ...at];
      assert.is((await run(sum)).code, 0);
      served.process.child.kill("SIGTERM");
      const { stderr } = await served.process.ended;
      assert.not.match(stderr, OUTAGE);
      assert.is(stderr.split(DENIES).length - 1, 1, stderr);
      assert.match(stderr, "permission denied for table key_ring");
    }));

  test("a server whose user was not granted what a sweep needs is no outage, and says what is missing", async () => {
    await using admin = await server.connect(schema);
    const tables = Array.from({ length: 8 }, (_, slot) => `nonce_${slot}`).join(", ");
    await admin.query(`REVOKE TRUNCATE ON ${tables} FROM ${SERVER}`);
    const errors: string[] = [];
    const error = (fields: object, message = ""): void => {
      errors.push(`${message}: ${(fields as { readonly err?: Error }).err?.message}`);
    };
    const logger: Logger = { ...silentLogger, error, child: () => logger };
    await using store = await openPostgresStore({ url: server.urlFor(SERVER, schema), logger });
    assert.is(await store.replay.claim(nonceClaim(Date.now(), "one")), true);
    for (let sweep = 0; sweep < 2; sweep += 1) {
      await admin.query("UPDATE nonce SET expires_at_ms = 1");
      const denied = await rejection("UNAVAILABLE", store.replay.sweep());
      assert.match(denied.message, "lacks a privilege");
      assert.is(store.away, false);
      assert.is(await store.replay.claim(nonceClaim(Date.now(), `beside sweep ${sweep}`)), true);
    }
    assert.is(errors.length, 1, errors.join());
    assert.match(errors[0] ?? "", /denies the store's user a statement.*permission denied for table nonce_\d/);
  });

  test("a claim that is denied is refused, and goes on once somebody has granted it", async () => {
    await using admin = await server.connect(schema);
    await using store = await openPostgresStore({ url: server.urlFor(SERVER, schema) });
    await admin.query(`REVOKE INSERT ON nonce FROM ${SERVER}`);
    await rejection("UNAVAILABLE", store.replay.claim(nonceClaim(Date.now(), "denied")));
    assert.is(store.away, false);
    await admin.query(`GRANT INSERT ON nonce TO ${SERVER}`);
    assert.is(await store.replay.claim(nonceClaim(Date.now(), "granted")), true);
  });
}

test.run();
