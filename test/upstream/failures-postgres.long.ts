// test-limit-ms: 300000
import { createWorker } from "../../src/server/worker.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { defineFailures } from "./failures.ts";
import { startFaultUpstream } from "./fault-upstream.ts";

const test = suite("upstream/failures-postgres");

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());
  const open = async (schema?: string) => openPostgresStore({ url: server.url(schema ?? (await server.newSchema())) });
  defineFailures(test, open);

  test("a worker runs the jobs of an upstream that the server of its store offers", async () => {
    await using upstream = await startFaultUpstream((call) => call.send("did"));
    const upstreams = [upstream.options];
    const schema = await server.newSchema();
    await using store = await open(schema);
    await using serving = await startServer({ tools: [], upstreams, store, work: false });
    const client = serving.client();
    const { job } = await client.call("work", { what: "x" });
    await using ofWorker = await open(schema);
    const work = { concurrency: 4 };
    await using worker = await createWorker({ store: ofWorker, tools: [], upstreams, serverId: "test-server", work });
    assert.equal(worker.tools, ["flow", "work"]);
    assert.equal(await (await client.job(job?.jobId ?? "").result()).json(), { text: "did" });
    assert.is(upstream.calls[0]?.metadata.get("sealwire-server-id")[0], "test-server");
    await worker.drain(1_000);
  });
}

test.run();
