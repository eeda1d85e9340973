import fc from "fast-check";
import { SealwireError } from "../../src/errors.ts";
import { formatRequestKey, formatResponseKey, parseRequestKey, parseResponseKey } from "../../src/signing/key-text.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("signing/key-text");

const BYTES = Buffer.alloc(32, 0xfb);

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, SealwireError);
    assert.is((error as SealwireError).reason, "OPTIONS_INVALID");
    return (error as SealwireError).message;
  }
  throw new Error("the key was accepted");
}

test("a key is read back as it was written", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 100 }), (bytes) => {
      assert.ok(parseRequestKey(formatRequestKey(bytes)).equals(bytes));
      assert.ok(parseResponseKey(formatResponseKey(bytes)).equals(bytes));
    }),
  );
});

test("the prefix tells the two kinds apart, and there is no padding", () => {
  assert.match(formatRequestKey(BYTES), /^sws_[\w-]{43}$/);
  assert.match(formatResponseKey(BYTES), /^swr_[\w-]{43}$/);
  assert.match(
    refusal(() => parseRequestKey(formatResponseKey(BYTES))),
    'request key must start with "sws_"',
  );
  assert.match(
    refusal(() => parseResponseKey(formatRequestKey(BYTES))),
    'response key must start with "swr_"',
  );
});

test("text that is not exactly base64url is refused, the text never shown", () => {
  const text = formatRequestKey(BYTES);
  const loose = `${text.slice(0, -1)}t`;
  for (const bad of [
    `${text}=`,
    `${text} `,
    text.replaceAll("-", "+"),
    `${text.slice(0, 20)}!${text.slice(21)}`,
    loose,
  ]) {
    const message = refusal(() => parseRequestKey(bad));
    assert.match(message, "base64url");
    assert.not.match(message, bad.slice(4, 12));
  }
});

test("a key must have 32 to 1024 bytes", () => {
  for (const size of [0, 31, 1025]) {
    assert.match(
      refusal(() => parseRequestKey(formatRequestKey(Buffer.alloc(size)))),
      `has ${size} bytes`,
    );
  }
  assert.is(parseRequestKey(formatRequestKey(Buffer.alloc(1024))).length, 1024);
});

test.run();
