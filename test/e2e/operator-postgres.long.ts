// test-limit-ms: 240000
import { OperatorToolServiceDefinition } from "../../gen/sealwire/operator/v1/operator_tool_service.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { createServer } from "../../src/server/server.ts";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { inFolder, run } from "../cli/cli-run.ts";
import { eventually } from "../support/eventually.ts";
import { OWNER, rolesOfPage, SERVER } from "../support/postgres-roles.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";

/* The operator's tools of two servers that share a store and a key ring in PostgreSQL. */
const test = suite("e2e/operator-postgres");

const SCHEMA = "paged";
const SECRETS = ["--server-secret-file", "secrets.json"];

if (hasPostgres(test)) {
  let database: PostgresServer;
  test.before(async () => {
    database = await PostgresServer.start({ auth: "trust" });
  });
  test.after(() => database[Symbol.asyncDispose]());

  /** One server of two. */
  async function startServer() {
    const store = await openPostgresStore({ url: database.urlFor(SERVER, SCHEMA) });
    const keyRing = await store.watchKeyRing({ serverSecretFile: "secrets.json" });
    const server = await createServer({ keyRing, store, tools: [demoTools()] });
    const { address } = await server.listen("127.0.0.1:0");
    return {
      address,
      store,
      keyRing,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await keyRing[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      },
    };
  }

  test("an operator sees both servers and all jobs through either, and changes keys once the server's role may", () =>
    inFolder(async () => {
      const { roles, schema, grants } = rolesOfPage(SCHEMA);
      await using admin = await database.connect("public");
      await admin.query(roles + schema);
      const owner = { env: { SEALWIRE_STORE: database.urlFor(OWNER, SCHEMA) } };
      assert.is((await run(["store", "migrate"], owner)).code, 0);
      await admin.query(`SET ROLE ${OWNER}; ${grants}`);
      await admin.query("RESET ROLE");
      const keyIds: Record<string, string> = {};
      for (const [clientId, ...words] of [
        ["ann", "--role", "operator"],
        ["app", "--tools", "*"],
      ] as const) {
        const add = ["keys", "add", clientId, ...words, "--server-id", "s", ...SECRETS, "--out", `${clientId}.json`];
        const { code, stdout, stderr } = await run(add, owner);
        assert.is(code, 0, stderr);
        keyIds[clientId] = stdout.trim();
      }
      assert.match((await run(["keys", "list", ...SECRETS], owner)).stdout, /ann +active +operator/);

      await using first = await startServer();
      await using second = await startServer();
      const open = async (clientId: string, { address }: { readonly address: string }) => {
        const credentials = await readCredentials(`${clientId}.json`);
        // A key in a database is valid once every server has it.
        await eventually("the key is valid", () => {
          const { notBeforeMs = 0 } = first.keyRing.current().find(credentials.keyId) ?? {};
          return Date.now() >= notBeforeMs;
        });
        return new SealwireClient({ credentials, address });
      };
      await using app = await open("app", first);
      await using ann = await open("ann", second);
      const ops = ann.tools(OperatorToolServiceDefinition);
      const { job } = await app.call("start_long_task", { seconds: 20 });
      const { jobId = "" } = job ?? {};

      const { instance, instances } = await ops.listInstances({});
      assert.is(instance, second.store.instanceId);
      assert.equal(
        instances.map(({ id, address }) => [id, address]).sort(),
        [first, second].map(({ store, address }) => [store.instanceId, address]).sort(),
      );
      assert.equal(
        (await ops.listAllJobs({ clientId: "app" })).jobs.map((each) => each.job?.jobId),
        [jobId],
      );
      await ops.cancelAnyJob({ jobId });
      await eventually("the job is cancelled", async () => (await app.job(jobId).poll()).state === "CANCELLED");
      const ran = [first, second].map(({ store }) => store.instanceId);
      for (const attempt of (await ops.describeJob({ jobId })).attempts) assert.ok(ran.includes(attempt.instance));
      assert.is((await ops.serverStats({})).store?.tools[0]?.tool, "start_long_task");

      const denied = await rejection("TOOL_FAILED", ops.revokeKey({ keyId: keyIds.app ?? "" }));
      assert.match(denied.message, "cannot be changed by this server");
      await admin.query(`GRANT UPDATE ON ${SCHEMA}.key_ring TO ${SERVER}`);
      assert.is((await ops.revokeKey({ keyId: keyIds.app ?? "" })).key?.state, 3);
      await rejection("CREDENTIALS_REFUSED", eventuallyRefused(app));
      const last = await rejection("TOOL_FAILED", ops.revokeKey({ keyId: keyIds.ann ?? "" }));
      assert.match(last.message, "last valid operator's key");
    }));
}

/** Calls the other server until it knows of the revocation. */
async function eventuallyRefused(client: SealwireClient): Promise<void> {
  await eventually("the other server refuses the key", async () => {
    await client.listTools();
    return false;
  });
}

test.run();
