import { SealwireClient } from "../../src/client/client.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { RawClient, type RawRequest, signRaw } from "../support/raw-client.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("server/freshness");

const IDENTITY: RawRequest = { tool: "server_identity", type: "sealwire.system.v1.ServerIdentityRequest" };

test("a client whose frame the server cannot tell to be new signs anew after the delay, and its call goes through", async () => {
  // The clock of the store stands behind, so that the minute for which it refuses is nearly over.
  const clock = { ...systemClock, nowMs: () => Date.now() - 58_500 };
  await using store = await openSqliteStore({ path: ":memory:", clock });
  await using server = await startServer({ store });
  await store.replay.distrust();
  const retries: object[] = [];
  const logger = { ...silentLogger, debug: (fields: object) => void retries.push(fields) };
  await using client = new SealwireClient({ credentials: server.credentials(), logger });
  assert.is((await client.call("batch_sum", { numbers: [1] })).status, "OK");
  assert.ok(retries.some((fields) => "reason" in fields && fields.reason === "FRESHNESS_UNKNOWN"));
});

test("the answer is signed, says how long to wait, and is no REPLAYED", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  await using server = await startServer({ store });
  using client = new RawClient(server.address, server.credentials());
  const frame = signRaw(server.credentials(), IDENTITY);
  assert.is((await client.send(frame)).code, 0);
  assert.is((await client.send(frame)).reason, "REPLAYED");
  await store.replay.distrust();
  const { code, reason, responses } = await client.send(frame);
  assert.equal([code, reason], [14, "FRESHNESS_UNKNOWN"]);
  assert.is(responses[0]?.error?.retryable, true);
  assert.ok((responses[0]?.error?.retryDelay?.seconds ?? 0n) >= 59n);
});

test.run();
