import { macKey } from "../../../src/signing/mac.ts";
import { requestSignature, requestSigningInput, verifyRequest } from "../../../src/signing/request/signature.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("signing/request/signature");

const KEY = macKey(Buffer.alloc(32, 1));
const REQUEST = { method: "/s/M", keyId: "k", envelope: Buffer.from("env") };

test("the signing input is method, key id and envelope", () => {
  assert.is(requestSigningInput(REQUEST).toString(), "mcp/0.1 4 7 request 4 /s/M 1 k 3 env");
});

test("a signature holds for its own request and key only", () => {
  const signature = requestSignature(KEY, REQUEST);
  assert.ok(verifyRequest(KEY, REQUEST, signature));
  assert.not(verifyRequest(macKey(Buffer.alloc(32, 2)), REQUEST, signature));
  assert.not(verifyRequest(KEY, { ...REQUEST, method: "/s/N" }, signature));
  assert.not(verifyRequest(KEY, { ...REQUEST, keyId: "l" }, signature));
  assert.not(verifyRequest(KEY, { ...REQUEST, envelope: Buffer.from("enw") }, signature));
  assert.not(verifyRequest(KEY, { ...REQUEST, method: "/s/M 1 k", keyId: "" }, signature));
  assert.not(verifyRequest(KEY, REQUEST, signature.subarray(0, 31)));
});

test.run();
