import { CallRequest } from "../../../gen/sealwire/v1/frame.ts";
import { SealwireError } from "../../../src/errors.ts";
import { type RequestToSign, signRequest } from "../../../src/signing/request/sign.ts";
import { verifyRequest } from "../../../src/signing/request/signature.ts";
import { CALL_METHOD } from "../../../src/wire/limits.ts";
import { assert, suite } from "../../support/suite.ts";
import { SAMPLE_SERVER, sampleKey } from "../sample-ring.ts";

const test = suite("signing/request/sign");

const KEY = sampleKey();
const REQUEST: RequestToSign = {
  method: CALL_METHOD,
  clientId: KEY.clientId,
  keyId: KEY.keyId,
  requestKey: KEY.requestKey,
  serverId: SAMPLE_SERVER,
  requestId: "r-1",
  tool: "batch_sum",
  args: { typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumRequest", value: Buffer.from([1, 2]) },
  tsMs: 1_700_000_000_000.9,
  nonce: Buffer.alloc(24, 1),
};

test("a sealed request holds what was asked, and its signature", () => {
  const signed = signRequest(REQUEST);
  const { envelope, keyId, signature } = CallRequest.decode(signed.frame);
  assert.is(keyId, KEY.keyId);
  assert.ok(signed.signature.equals(signature));
  assert.is(envelope?.v, "mcp/0.1");
  assert.is(envelope?.requestId, "r-1");
  assert.is(envelope?.tsMs, 1_700_000_000_000n);
  assert.is(envelope?.tool, "batch_sum");
  assert.equal([...(envelope?.args?.value ?? [])], [1, 2]);
  assert.is(envelope?.nonce.length, 24);
  const covered = { method: CALL_METHOD, keyId, envelope: signed.envelope };
  assert.ok(verifyRequest(KEY.requestKey, covered, signature));
});

test("what no server would accept is not signed", () => {
  for (const change of [{ tool: "Bad" }, { nonce: Buffer.alloc(8) }, { requestId: "" }, { tsMs: 0 }]) {
    assert.throws(
      () => signRequest({ ...REQUEST, ...change }),
      (error: unknown) => error instanceof SealwireError && error.reason === "ENVELOPE_INVALID",
    );
  }
});

test.run();
