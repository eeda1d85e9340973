import { createHmac } from "node:crypto";
import { deriveRequestKey, deriveResponseKey, fingerprint } from "../../src/signing/derivation.ts";
import { macKey } from "../../src/signing/mac.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("signing/derivation");

const BYTES = Buffer.alloc(32, 3);
const SECRET = macKey(BYTES);

function hmac(text: string): string {
  return createHmac("sha256", BYTES).update(text).digest("hex");
}

test("keys are derived as the protocol says", () => {
  assert.is(deriveRequestKey(SECRET, "client", "k1").toString("hex"), hmac("mcp/0.1 3 11 request-key 6 client 2 k1"));
  assert.is(deriveResponseKey(SECRET, "client", "k1").toString("hex"), hmac("mcp/0.1 3 12 response-key 6 client 2 k1"));
});

test("each client, key id and purpose has a key of its own", () => {
  const keys = new Set<string>();
  for (const [client, key] of [
    ["client", "k1"],
    ["client", "k2"],
    ["clien", "tk1"],
    ["clientk", "1"],
  ] as const) {
    keys.add(deriveRequestKey(SECRET, client, key).toString("hex"));
    keys.add(deriveResponseKey(SECRET, client, key).toString("hex"));
  }
  assert.is(keys.size, 8);
});

test("a fingerprint is 32 hex digits of an HMAC and differs between secrets", () => {
  assert.is(fingerprint(SECRET), hmac("mcp/0.1 1 11 fingerprint").slice(0, 32));
  assert.is.not(fingerprint(SECRET), fingerprint(macKey(Buffer.alloc(32, 4))));
});

test.run();
