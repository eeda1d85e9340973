import { macKey } from "../../../src/signing/mac.ts";
import { responseSignature, responseSigningInput, verifyResponse } from "../../../src/signing/response/signature.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("signing/response/signature");

const KEY = macKey(Buffer.alloc(32, 1));
const RESPONSE = { requestSignature: Buffer.from("sig"), response: Buffer.from("res") };

test("the signing input is the request's signature and the response", () => {
  assert.is(responseSigningInput(RESPONSE).toString(), "mcp/0.1 3 8 response 3 sig 3 res");
});

test("a signature holds for its own response, request and key only", () => {
  const signature = responseSignature(KEY, RESPONSE);
  assert.ok(verifyResponse(KEY, RESPONSE, signature));
  assert.not(verifyResponse(macKey(Buffer.alloc(32, 2)), RESPONSE, signature));
  assert.not(verifyResponse(KEY, { ...RESPONSE, requestSignature: Buffer.from("sih") }, signature));
  assert.not(verifyResponse(KEY, { ...RESPONSE, response: Buffer.from("ret") }, signature));
  assert.not(verifyResponse(KEY, RESPONSE, Buffer.concat([signature, Buffer.alloc(1)])));
});

test.run();
