import { setTimeout as delay } from "node:timers/promises";
import { SealwireClient } from "../../src/client/client.ts";
import { revokeKey, rotateKey } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { startTestServer } from "../../src/testing/test-server.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("e2e/key-rotation");

test("a ring in code rotates a key under load, and no call fails", async () => {
  await using server = await startTestServer({ tools: [demoTools()] });
  const { keyRing, address } = server;
  const [old] = keyRing.document.keys;
  await using first = server.client("alice", { retry: { maxAttempts: 1 } });
  let client = first;
  let [calls, isOver] = [0, false];
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      await client.call("batch_sum", { numbers: [1, 2] });
      calls += 1;
    }
  });
  await delay(200);
  const { document, keyId } = rotateKey(keyRing.document, { clientId: "alice" });
  keyRing.replace(document);
  const key = keyRing.current().find(keyId);
  assert.ok(key);
  await using second = new SealwireClient({
    credentials: credentialsOf(key, { serverId: "test-server", address }),
    retry: { maxAttempts: 1 },
  });
  client = second;
  await delay(200);
  keyRing.replace(revokeKey(keyRing.document, old?.keyId ?? ""));
  await delay(200);
  isOver = true;
  await Promise.all(load);
  assert.ok(calls > 10, `${calls} calls`);
  await rejection("CREDENTIALS_REFUSED", first.call("batch_sum", { numbers: [1] }));
});

test("a document that cannot be used leaves the ring as it is", async () => {
  await using server = await startTestServer();
  const { keyRing } = server;
  const { keys } = keyRing.document;
  await rejection("KEY_RING_INVALID", (async () => keyRing.replace({ ...keyRing.document, serverSecrets: [] }))());
  await rejection("KEY_RING_INVALID", (async () => keyRing.replace({ ...keyRing.document, serverId: "other" }))());
  assert.equal(keyRing.document.keys, keys);
  await server.client().call("server_identity", {});
});

test.run();
