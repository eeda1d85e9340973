import { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { canonicalBytes, canonicalCandidate } from "../../../src/signing/request/canonical-envelope.ts";
import { assert, suite } from "../../support/suite.ts";
import { hex, sampleImage } from "../../validation/sample-image.ts";

const test = suite("signing/request/canonical-envelope");

function canonicalEnvelope(bytes: Uint8Array, image: typeof sampleImage): Uint8Array | undefined {
  const candidate = canonicalCandidate(bytes, image);
  return candidate && canonicalBytes(candidate);
}

function envelope(value: Uint8Array, typeUrl = "type.googleapis.com/sealwire.test.v1.Sample"): Envelope {
  return {
    v: "mcp/0.1",
    requestId: "r",
    tsMs: 5n,
    clientId: "c",
    serverId: "s",
    tool: "t",
    args: { typeUrl, value },
    nonce: Buffer.alloc(16, 1),
    definitionDigest: "",
  };
}

function encode(value: Uint8Array, typeUrl?: string): Uint8Array {
  return Envelope.encode(envelope(value, typeUrl)).finish();
}

const CANONICAL = hex("0801 f201050a01611200 f201050a01621200");
const SHUFFLED = hex("f201030a0162 f201030a0161 0801");

test("args are put into the canonical form of their type", () => {
  assert.equal(canonicalEnvelope(encode(SHUFFLED), sampleImage), encode(CANONICAL));
});

test("the envelope's own fields are put in order and its defaults left out", () => {
  const whole = encode(SHUFFLED);
  // v and an empty tool after the rest.
  const rest = Envelope.encode({ ...envelope(SHUFFLED), v: "", tool: "" }).finish();
  const reordered = Buffer.concat([rest, hex("3200"), hex("0a076d63702f302e31")]);
  const expected = Envelope.encode({ ...envelope(CANONICAL), tool: "" }).finish();
  assert.equal(canonicalEnvelope(reordered, sampleImage), expected);
  assert.is.not(Buffer.compare(whole, reordered), 0);
});

test("there is none for an unknown type, another type URL, or no args", () => {
  assert.is(canonicalEnvelope(encode(SHUFFLED, "type.googleapis.com/sealwire.test.v1.Absent"), sampleImage), undefined);
  assert.is(canonicalEnvelope(encode(SHUFFLED, "example.com/sealwire.test.v1.Sample"), sampleImage), undefined);
  assert.is(canonicalEnvelope(encode(SHUFFLED, ""), sampleImage), undefined);
  assert.is(
    canonicalEnvelope(Envelope.encode({ ...envelope(SHUFFLED), args: undefined }).finish(), sampleImage),
    undefined,
  );
});

test("there is none for ambiguous or malformed bytes, nor for a nested Any", () => {
  for (const bad of ["0802", "108100", "f201030a0161 f201030a0161", "c03e01", "0801 0801", "08", "b20100"]) {
    assert.is(canonicalEnvelope(encode(hex(bad)), sampleImage), undefined, bad);
  }
  assert.is(canonicalEnvelope(Buffer.concat([encode(CANONICAL), hex("4801")]), sampleImage), undefined);
  assert.is(canonicalEnvelope(Buffer.concat([encode(CANONICAL), hex("0a00")]), sampleImage), undefined);
  assert.is(canonicalEnvelope(hex("ff"), sampleImage), undefined);
});

test.run();
