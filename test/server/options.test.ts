import { createWorker } from "../../src/server/worker.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { RawClient } from "../support/raw-client.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { TEST_INPUT, testArgs, testService } from "../support/test-service.ts";

const test = suite("server/options");

/** No value of a number is meant by any of these. */
const NO_NUMBERS = [Number.NaN, Infinity, -Infinity, -1, 0.5, 2 ** 53, "8" as unknown as number];

test("how much is worked at once has both bounds, in servers and in workers", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  for (const value of [0, 10_001, ...NO_NUMBERS]) {
    for (const work of [{ concurrency: value }, { concurrency: 1, perOwner: value }]) {
      const name = "perOwner" in work ? "work.perOwner" : "work.concurrency";
      const expected = `${name} is ${value}; it must be a whole number from 1 to 10000.`;
      assert.is((await rejection("OPTIONS_INVALID", startServer({ store, work }))).message, expected);
      const worker = createWorker({ store, tools: [demoTools()], work });
      assert.is((await rejection("OPTIONS_INVALID", worker)).message, expected);
    }
  }
  await using _ = await startServer({ store, work: { concurrency: 10_000, perOwner: 1 } });
});

test("a worker's audit log needs the key ring of the servers, whose id it has", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  await using server = await startServer({ store, work: false });
  const { keyRing } = server;
  const audit = { to: async () => {} };
  const parts = { store, tools: [demoTools()], work: { concurrency: 1 } };
  const refused = async (given: object): Promise<string> =>
    (await rejection("OPTIONS_INVALID", createWorker({ ...parts, ...given }))).message;
  assert.match(await refused({ audit }), /^audit needs keyRing/);
  assert.match(
    await refused({ audit, keyRing, serverId: "other" }),
    /^serverId is "other", but the key ring belongs to/,
  );
  const bare = { current: () => ({ ...keyRing.current(), auditKey: undefined }), onChange: keyRing.onChange };
  assert.match(await refused({ audit, keyRing: bare }), /needs a key ring with a server secret/);
  await using _ = await createWorker({ ...parts, audit, keyRing });
});

test("connections to a shared store have both bounds, checked before anything is opened", async () => {
  for (const connectionsMax of [0, 1001, ...NO_NUMBERS]) {
    const opening = openPostgresStore({ url: "postgres://127.0.0.1:1/none", connectionsMax });
    const { message } = await rejection("OPTIONS_INVALID", opening);
    assert.is(message, `connectionsMax is ${connectionsMax}; it must be a whole number from 1 to 1000.`);
  }
});

test("a grace has both bounds, and one that is refused does not begin to drain", async () => {
  await using server = await startServer();
  for (const graceMs of [Number.NaN, Infinity, -1, 86_400_001]) {
    const { message } = await rejection("OPTIONS_INVALID", server.server.drain(graceMs));
    assert.is(message, `graceMs is ${graceMs}; it must be a number from 0 to 86400000.`);
  }
  using client = new RawClient(server.address, server.credentials());
  assert.is((await client.call({ tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" })).code, 0);
});

test("a limit that is there without a value gets its default", async () => {
  await using _ = await startServer({ limits: { maxAgeMs: undefined } as unknown as Record<string, never> });
});

test("a server with a job policy of years runs its jobs", async () => {
  const years = { seconds: 36_500n * 86_400n, nanos: 0 };
  const job = {
    executionTimeout: years,
    queueTimeout: years,
    heartbeatTimeout: years,
    initialBackoff: years,
    maxBackoff: years,
    retention: years,
    cancelGrace: years,
  };
  const ended = Promise.withResolvers<void>();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);
  process.on("warning", onWarning);
  const service = testService({
    Age: {
      job,
      run: (_numbers, { signal }) => {
        // Whatever ends the job early aborts this signal.
        setTimeout(() => {
          if (!signal.aborted) ended.resolve();
          else ended.reject(signal.reason);
        }, 50);
        return ended.promise.then(() => 1);
      },
    },
  });
  await using server = await startServer({ tools: [service.tools], descriptors: [service.descriptors] });
  using client = new RawClient(server.address, server.credentials());
  const { code, responses } = await client.call({ tool: "age", type: TEST_INPUT, value: testArgs(1) });
  assert.is(code, 0);
  await ended.promise;
  assert.is(responses[0]?.job?.tool, "age");
  const listed = await client.call({ tool: "list_tools", type: "sealwire.system.v1.ListToolsRequest" });
  assert.is(listed.code, 0);
  process.off("warning", onWarning);
  assert.equal(warnings, []);
});

test.run();
