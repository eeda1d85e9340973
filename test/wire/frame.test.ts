import fc from "fast-check";
import { CallRequest } from "../../gen/sealwire/v1/frame.ts";
import { SealwireError } from "../../src/errors.ts";
import { readFrame, SIGNATURE_BYTES, writeFrame } from "../../src/wire/frame.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/frame");

const CONTENT = Buffer.from("content");
const SIGNATURE = Buffer.alloc(SIGNATURE_BYTES, 0xab);
const GOOD = writeFrame({ content: CONTENT, keyId: "k_1", signature: SIGNATURE });

function cause(bytes: Uint8Array): string {
  try {
    readFrame(bytes);
  } catch (error) {
    assert.instance(error, SealwireError);
    assert.is((error as SealwireError).reason, "SIGNATURE_INVALID");
    assert.is((error as SealwireError).message, new SealwireError("SIGNATURE_INVALID").message);
    return String((error as SealwireError).cause);
  }
  return "none";
}

function field(number: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value]);
}

const content = field(1, CONTENT);
const keyId = field(2, Buffer.from("k_1"));
const signature = field(3, SIGNATURE);

test("a frame is read back as it was written", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40_000, size: "max" }),
      fc.string({
        unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
        minLength: 1,
        maxLength: 128,
      }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (bytes, key, mac) => {
        const frame = readFrame(writeFrame({ content: bytes, keyId: key, signature: mac }));
        assert.ok(Buffer.from(bytes).equals(frame.content));
        assert.is(frame.keyId, key);
        assert.ok(Buffer.from(mac).equals(frame.signature));
      },
    ),
    { numRuns: 50 },
  );
});

test("a written frame is what the generated encoder writes", () => {
  const envelope = {
    v: "x",
    requestId: "",
    tsMs: 0n,
    clientId: "",
    serverId: "",
    tool: "",
    args: undefined,
    nonce: new Uint8Array(),
    definitionDigest: "",
  };
  const bytes = CallRequest.encode({ envelope, keyId: "k_1", signature: SIGNATURE }).finish();
  assert.ok(writeFrame({ content: Buffer.from("0a0178", "hex"), keyId: "k_1", signature: SIGNATURE }).equals(bytes));
});

test("fields may come in any order", () => {
  const frame = readFrame(Buffer.concat([signature, content, keyId]));
  assert.is(frame.keyId, "k_1");
  assert.ok(CONTENT.equals(frame.content));
});

test("content may be empty, but not missing", () => {
  assert.is(cause(Buffer.concat([field(1, Buffer.alloc(0)), keyId, signature])), "none");
  assert.is(cause(Buffer.concat([keyId, signature])), "frame: missing field");
  assert.is(cause(Buffer.concat([content, signature])), "frame: missing field");
  assert.is(cause(Buffer.concat([content, keyId])), "frame: missing field");
  assert.is(cause(Buffer.alloc(0)), "frame: missing field");
});

test("a field given twice is refused", () => {
  for (const twice of [content, keyId, signature]) {
    assert.is(cause(Buffer.concat([content, keyId, signature, twice])), "frame: duplicated field");
  }
});

test("an unknown field, number or wire type is refused", () => {
  assert.is(cause(Buffer.concat([GOOD, field(4, CONTENT)])), "frame: unknown field");
  assert.is(cause(Buffer.concat([GOOD, Buffer.from("0801", "hex")])), "frame: unknown field");
  assert.is(cause(Buffer.concat([GOOD, Buffer.from("00", "hex")])), "frame: field number 0");
  assert.is(cause(Buffer.concat([GOOD, Buffer.from("23 24".replace(" ", ""), "hex")])), "frame: group");
});

test("a varint that is not in its shortest form is refused", () => {
  const padded = Buffer.concat([Buffer.from("0a8700", "hex"), CONTENT, keyId, signature]);
  assert.is(cause(padded), "frame: varint not in its shortest form");
  const paddedTag = Buffer.concat([Buffer.from("8a0007", "hex"), CONTENT, keyId, signature]);
  assert.is(cause(paddedTag), "frame: varint not in its shortest form");
});

test("a key id must be 1 to 128 printable ASCII characters", () => {
  const withKey = (key: Buffer) => {
    const head = Buffer.from(
      key.length > 127 ? [0x12, (key.length & 0x7f) | 0x80, key.length >>> 7] : [0x12, key.length],
    );
    return cause(Buffer.concat([content, head, key, signature]));
  };
  assert.is(withKey(Buffer.alloc(128, "k")), "none");
  assert.is(withKey(Buffer.alloc(129, "k")), "frame: key id of a wrong length");
  assert.is(withKey(Buffer.alloc(0)), "frame: key id of a wrong length");
  for (const bad of [Buffer.from("k 1"), Buffer.from("k\x7f"), Buffer.from("é"), Buffer.from([0xff])]) {
    assert.is(withKey(bad), "frame: key id with other than printable ASCII");
  }
});

test("a signature must have 32 bytes", () => {
  for (const size of [0, 31, 33, 64]) {
    assert.is(
      cause(Buffer.concat([content, keyId, field(3, Buffer.alloc(size))])),
      "frame: signature of a wrong length",
    );
  }
});

test("every truncated frame is refused", () => {
  for (let length = 0; length < GOOD.length; length++) assert.match(cause(GOOD.subarray(0, length)), /^frame: /);
});

test("no bytes make the reader throw anything else", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void cause(bytes)));
  fc.assert(
    fc.property(fc.nat({ max: GOOD.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const mutated = Buffer.from(GOOD);
      mutated[at] = byte;
      cause(mutated);
    }),
  );
});

test.run();
