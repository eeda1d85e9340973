import {
  addKey,
  newKeyRing,
  retireKey,
  revokeKey,
  rotateKey,
  rotateServerSecret,
} from "../../../src/signing/key-ring/changes.ts";
import { buildKeyRing } from "../../../src/signing/key-ring/key-ring.ts";
import { assert, suite } from "../../support/suite.ts";
import { context, MADE_AT_MS, ringOfAlice, thrownBy } from "./ring-folder.ts";

const test = suite("signing/key-ring/changes");

test("a new ring has one server secret of 32 bytes and no keys", () => {
  const ring = newKeyRing("test-server", context);
  assert.is(ring.serverSecrets[0]?.secret.symmetricKeySize, 32);
  assert.equal(ring.keys, []);
});

test("rotating gives a new key with the old one's tools, role and limits, and the old key still works", () => {
  const limits = { openJobs: 7 };
  const first = addKey(
    newKeyRing("s", context),
    { clientId: "alice", tools: ["batch_*"], role: "viewer", limits },
    context,
  );
  const change = { clientId: "alice", oldKeysEndAtMs: MADE_AT_MS + 1000, notBeforeMs: MADE_AT_MS + 500 };
  const second = rotateKey(first.document, change, context);
  assert.is(second.document.keys.at(-1)?.notBeforeMs, MADE_AT_MS + 500);
  const ring = buildKeyRing(second.document);
  assert.is(ring.find(first.keyId)?.state, "retiring");
  assert.is(ring.find(first.keyId)?.notAfterMs, MADE_AT_MS + 1000);
  assert.is(ring.find(second.keyId)?.state, "active");
  assert.is(ring.find(second.keyId)?.limits.openJobs, 7);
  assert.is(ring.find(second.keyId)?.role, "viewer");
  assert.ok(ring.find(second.keyId)?.allows("batch_sum"));
  assert.is(ring.find(second.keyId)?.notAfterMs, undefined);
});

test("a client without an active key is not rotated", async () => {
  const { document, keyId } = ringOfAlice();
  assert.match(
    (await thrownBy(() => rotateKey(document, { clientId: "bob" }, context))).message,
    '"bob" has no active',
  );
  const revoked = revokeKey(document, keyId);
  assert.match((await thrownBy(() => rotateKey(revoked, { clientId: "alice" }, context))).message, "no active key");
});

test("retiring never lengthens a key's life", () => {
  const { document, keyId } = ringOfAlice();
  const soon = retireKey(document, { keyId, endsAtMs: 10 });
  assert.is(retireKey(soon, { keyId, endsAtMs: 20 }).keys[0]?.notAfterMs, 10);
  assert.is(retireKey(soon, { keyId }).keys[0]?.notAfterMs, 10);
  assert.is(retireKey(document, { keyId }).keys[0]?.notAfterMs, undefined);
});

test("revoking one key leaves the others alone", () => {
  const { document, keyId } = ringOfAlice();
  const two = addKey(document, { clientId: "bob", tools: [] }, context);
  assert.equal(
    revokeKey(two.document, keyId).keys.map((key) => key.state),
    ["revoked", "active"],
  );
});

test("revoking is for good and may be repeated", async () => {
  const { document, keyId } = ringOfAlice();
  const revoked = revokeKey(document, keyId);
  assert.equal(revokeKey(revoked, keyId), revoked);
  assert.match((await thrownBy(() => retireKey(revoked, { keyId }))).message, "is revoked");
});

test("a key id that is not there is named", async () => {
  const { document } = ringOfAlice();
  assert.match((await thrownBy(() => revokeKey(document, "k_none"))).message, 'no key "k_none"');
});

test("a ring without a server secret makes no keys until it has one", async () => {
  const bare = { ...newKeyRing("s", context), serverSecrets: [] };
  assert.match((await thrownBy(() => addKey(bare, { clientId: "a", tools: [] }, context))).message, "no server secret");
  assert.is(addKey(rotateServerSecret(bare, context), { clientId: "a", tools: [] }, context).document.keys.length, 1);
});

test("after rotating the server secret old keys stay as they are and new ones come from the new secret", () => {
  const { document, keyId } = ringOfAlice();
  const before = buildKeyRing(document).find(keyId);
  const next = addKey(rotateServerSecret(document, context), { clientId: "bob", tools: [] }, context);
  const ring = buildKeyRing(next.document);
  assert.ok(before && ring.find(keyId)?.requestKey.equals(before.requestKey));
  assert.is.not(ring.find(next.keyId)?.fingerprint, before?.fingerprint);
});

test.run();
