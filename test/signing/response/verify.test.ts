import fc from "fast-check";
import { Error as ErrorMessage, ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import { Response, Status } from "../../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../../src/errors.ts";
import { signResponse } from "../../../src/signing/response/sign.ts";
import { responseSignature } from "../../../src/signing/response/signature.ts";
import { type ResponseExpectation, verifyResponseFrame } from "../../../src/signing/response/verify.ts";
import { readFrame, writeFrame } from "../../../src/wire/frame.ts";
import { assert, suite } from "../../support/suite.ts";
import { SAMPLE_SERVER, sampleKey } from "../sample-ring.ts";

const test = suite("signing/response/verify");

const KEY = sampleKey();
const REQUEST_SIGNATURE = Buffer.alloc(32, 0x77);
const EXPECTED: ResponseExpectation = {
  keyId: KEY.keyId,
  responseKey: KEY.responseKey,
  requestSignature: REQUEST_SIGNATURE,
  requestId: "r-1",
  serverId: SAMPLE_SERVER,
  sequence: 0,
};
const ANSWER = Response.fromPartial({
  v: "mcp/0.1",
  requestId: "r-1",
  tsMs: 1_700_000_000_000n,
  ok: true,
  serverId: SAMPLE_SERVER,
  status: Status.OK,
  result: { typeUrl: "type.googleapis.com/sealwire.demo.v1.BatchSumResponse", value: Buffer.from([8, 3]) },
});

function sign(change: Partial<Response> = {}): Buffer {
  return signResponse(KEY, REQUEST_SIGNATURE, { ...ANSWER, ...change });
}

function refusal(frame: Uint8Array, expected: Partial<ResponseExpectation> = {}): string {
  try {
    verifyResponseFrame(frame, { ...EXPECTED, ...expected });
  } catch (error) {
    assert.instance(error, SealwireError);
    assert.is((error as SealwireError).reason, "RESPONSE_UNVERIFIED");
    return String((error as SealwireError).cause);
  }
  return "none";
}

test("a sealed answer is read once it is verified", () => {
  const response = verifyResponseFrame(sign(), EXPECTED);
  assert.is(response.status, Status.OK);
  assert.equal([...(response.result?.value ?? [])], [8, 3]);
});

test("a refusal of an Envelope that could not be read may leave the request id out, nothing else may", () => {
  const refused = (reason: ErrorReason, requestId = ""): Buffer =>
    sign({
      requestId,
      ok: false,
      status: Status.ERROR,
      result: undefined,
      error: ErrorMessage.fromPartial({ reason }),
    });
  assert.is(refusal(refused(ErrorReason.ENVELOPE_INVALID)), "none");
  assert.is(refusal(refused(ErrorReason.UNSUPPORTED_VERSION)), "none");
  assert.is(refusal(refused(ErrorReason.CLOCK_SKEW)), "request id");
  assert.is(refusal(refused(ErrorReason.ENVELOPE_INVALID, "r-2")), "request id");
  assert.is(refusal(sign({ requestId: "" })), "request id");
});

test("an answer to another request, by another key or another server is refused", () => {
  assert.is(refusal(sign(), { requestSignature: Buffer.alloc(32, 0x78) }), "mac");
  assert.is(refusal(sign(), { responseKey: KEY.requestKey }), "mac");
  assert.is(refusal(sign(), { keyId: "key-2" }), "key id");
  assert.is(refusal(sign(), { serverId: "server-2" }), "server id");
  assert.is(refusal(sign(), { requestId: "r-2" }), "request id");
});

test("the refusal of an answer of another server names both servers", () => {
  assert.throws(
    () => verifyResponseFrame(sign({ serverId: "server-2" }), EXPECTED),
    (error: SealwireError) =>
      error.message.endsWith(`it names another server, "server-2" instead of "${SAMPLE_SERVER}".`),
  );
});

test("a stream's messages must come in sequence", () => {
  const second = sign({ sequence: 2n, status: Status.RUNNING });
  assert.is(refusal(second, { sequence: 2 }), "none");
  for (const sequence of [0, 1, 3]) assert.is(refusal(second, { sequence }), "sequence");
});

test("an answer that breaks the contract is refused although its signature holds", () => {
  assert.is(refusal(sign({ ok: false })), "response");
  assert.is(refusal(sign({ status: Status.UNSPECIFIED, ok: false })), "response");
  assert.is(refusal(sign({ v: "mcp/0.2" })), "response");
  // A field twice.
  const content = Buffer.concat([Response.encode(ANSWER).finish(), Buffer.from([0x20, 1])]);
  const signature = responseSignature(KEY.responseKey, { requestSignature: REQUEST_SIGNATURE, response: content });
  assert.is(refusal(writeFrame({ content, keyId: KEY.keyId, signature })), "response");
});

test("a frame that is not well-formed is refused as unverified", () => {
  assert.match(refusal(Buffer.alloc(0)), "frame: missing field");
  assert.match(refusal(sign().subarray(1)), /^frame: /);
});

test("every single flipped bit of an answer is refused", () => {
  const frame = sign();
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const flipped = Buffer.from(frame);
    flipped.writeUInt8((flipped[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
    assert.is.not(refusal(flipped), "none", `bit ${bit}`);
  }
});

test("random frames are refused and never crash", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.is.not(refusal(bytes), "none")));
  const frame = readFrame(sign());
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (content) => {
      const signature = responseSignature(KEY.responseKey, { requestSignature: REQUEST_SIGNATURE, response: content });
      assert.is.not(refusal(writeFrame({ ...frame, content, signature })), "none");
    }),
  );
});

test.run();
