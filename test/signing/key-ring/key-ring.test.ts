import { createHash } from "node:crypto";
import { deriveRequestKey, deriveResponseKey, fingerprint } from "../../../src/signing/derivation.ts";
import type { KeyEntry, KeyRingDocument } from "../../../src/signing/key-ring/document.ts";
import { buildKeyRing } from "../../../src/signing/key-ring/key-ring.ts";
import { importSecret } from "../../../src/signing/key-ring/secret.ts";
import { isUsable } from "../../../src/signing/key-ring/types.ts";
import { mac, macEquals } from "../../../src/signing/mac.ts";
import { assert, suite } from "../../support/suite.ts";
import { MADE_AT_MS, ringOfAlice, thrownBy } from "./ring-folder.ts";

const test = suite("signing/key-ring/key-ring");

const bytes = (length: number, fill: number) => Buffer.alloc(length, fill);

function imported(keyId: string, requestKey: Buffer, responseKey: Buffer): KeyEntry {
  const origin = {
    requestKey: importSecret(Buffer.from(requestKey)),
    responseKey: importSecret(Buffer.from(responseKey)),
  };
  return { keyId, clientId: "c", state: "active", createdAtMs: MADE_AT_MS, tools: [], limits: {}, origin };
}

function ringOf(...keys: KeyEntry[]): KeyRingDocument {
  return { serverId: "s", serverSecrets: [], keys };
}

test("a key is derived from the server secret that it names", () => {
  const { document, keyId } = ringOfAlice();
  const secret = document.serverSecrets[0]?.secret;
  const key = buildKeyRing(document).find(keyId);
  assert.ok(secret && key);
  assert.ok(key.requestKey.equals(importSecret(deriveRequestKey(secret, "alice", keyId))));
  assert.ok(key.responseKey.equals(importSecret(deriveResponseKey(secret, "alice", keyId))));
  assert.is(key.fingerprint, fingerprint(secret));
});

test("an imported key is used as it is", () => {
  const key = buildKeyRing(ringOf(imported("k", bytes(32, 1), bytes(32, 2)))).find("k");
  assert.ok(key?.requestKey.equals(importSecret(bytes(32, 1))));
  assert.ok(key?.responseKey.equals(importSecret(bytes(32, 2))));
  assert.match(key?.fingerprint ?? "", /^[0-9a-f]{32}$/);
});

test("a key knows its times and its limits, the defaults where it names none", () => {
  const { document, keyId } = ringOfAlice();
  const keys = document.keys.map((key) => ({ ...key, limits: { openJobs: 3 }, notBeforeMs: 1, notAfterMs: 2 }));
  const key = buildKeyRing({ ...document, keys }).find(keyId);
  assert.equal([key?.notBeforeMs, key?.notAfterMs], [1, 2]);
  assert.equal(key?.limits, { callsPerSecond: 100, burst: 200, callsInFlight: 64, openJobs: 3, openWatches: 100 });
});

test("an unknown key id finds nothing", () => {
  assert.is(buildKeyRing(ringOfAlice().document).find("__proto__"), undefined);
});

test("ids are unique and server secrets are there", async () => {
  const { document } = ringOfAlice();
  const [key] = document.keys;
  const [secret] = document.serverSecrets;
  assert.ok(key && secret);
  const refusal = async (change: Partial<KeyRingDocument>) =>
    (await thrownBy(() => buildKeyRing({ ...document, ...change }))).message;
  assert.match(await refusal({ keys: [key, key] }), `keys[1].key_id: "${key.keyId}" is taken`);
  assert.match(await refusal({ serverSecrets: [secret, secret] }), `server_secrets[1].id: "${secret.id}" is taken`);
  assert.match(await refusal({ serverSecrets: [] }), `keys[0].server_secret_id: "${secret.id}" is not among`);
});

test("equal secrets are refused wherever they stand", async () => {
  const twice = ringOf(imported("k1", bytes(32, 1), bytes(32, 2)), imported("k2", bytes(32, 3), bytes(32, 1)));
  const message = (await thrownBy(() => buildKeyRing(twice))).message;
  assert.match(message, "keys[1], its response key: is the same HMAC key as keys[0], its request key");
  assert.instance(await thrownBy(() => buildKeyRing(ringOf(imported("k", bytes(32, 1), bytes(32, 1))))), Error);
  const { document, keyId } = ringOfAlice();
  const derived = buildKeyRing(document).find(keyId);
  assert.ok(derived);
  const copy = imported("copy", derived.requestKey.export(), bytes(32, 2));
  assert.instance(await thrownBy(() => buildKeyRing({ ...document, keys: [...document.keys, copy] })), Error);
});

test("secrets that only HMAC makes equal are refused", async () => {
  const message = bytes(5, 9);
  const zeros = Buffer.concat([bytes(32, 1), bytes(8, 0)]);
  assert.ok(macEquals(mac(importSecret(bytes(32, 1)), message), mac(importSecret(Buffer.from(zeros)), message)));
  const padded = ringOf(imported("k1", bytes(32, 1), bytes(32, 2)), imported("k2", zeros, bytes(32, 3)));
  assert.instance(await thrownBy(() => buildKeyRing(padded)), Error);

  const long = bytes(65, 5);
  const hashed = createHash("sha256").update(long).digest();
  assert.ok(macEquals(mac(importSecret(bytes(65, 5)), message), mac(importSecret(Buffer.from(hashed)), message)));
  const overlong = ringOf(imported("k1", long, bytes(32, 2)), imported("k2", hashed, bytes(32, 3)));
  assert.instance(await thrownBy(() => buildKeyRing(overlong)), Error);
});

test("secrets that differ only beyond HMAC's reach for zeros are kept apart", () => {
  const ring = ringOf(imported("k1", bytes(64, 1), bytes(63, 1)), imported("k2", bytes(65, 1), bytes(32, 1)));
  assert.is([...buildKeyRing(ring).keys()].length, 2);
});

test("a key is usable inside its times unless it is revoked", () => {
  const key = buildKeyRing(ringOfAlice().document).keys()[Symbol.iterator]().next().value;
  assert.ok(key);
  const limited = { ...key, notBeforeMs: 10, notAfterMs: 20 };
  assert.equal(
    [9, 10, 19, 20].map((nowMs) => isUsable(limited, nowMs)),
    [false, true, true, false],
  );
  assert.ok(isUsable({ ...limited, state: "retiring" }, 10));
  assert.not.ok(isUsable({ ...limited, state: "revoked" }, 10));
  assert.ok(isUsable(key, 0));
});

test.run();
