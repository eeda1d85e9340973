import { mac, macEquals, macKey } from "../../src/signing/mac.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("signing/mac");

interface Case {
  readonly key: string;
  readonly data: string;
  readonly mac: string;
}

const ascii = (text: string) => Buffer.from(text, "latin1").toString("hex");

/** RFC 4231, section 4, HMAC-SHA-256; case 5 is truncated to 128 bits. */
const RFC_4231: readonly Case[] = [
  {
    key: "0b".repeat(20),
    data: ascii("Hi There"),
    mac: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  },
  {
    key: ascii("Jefe"),
    data: ascii("what do ya want for nothing?"),
    mac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  },
  {
    key: "aa".repeat(20),
    data: "dd".repeat(50),
    mac: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
  },
  {
    key: "0102030405060708090a0b0c0d0e0f10111213141516171819",
    data: "cd".repeat(50),
    mac: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  },
  { key: "0c".repeat(20), data: ascii("Test With Truncation"), mac: "a3b6167473100ee06e0c796c2955552b" },
  {
    key: "aa".repeat(131),
    data: ascii("Test Using Larger Than Block-Size Key - Hash Key First"),
    mac: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  },
  {
    key: "aa".repeat(131),
    data: ascii(
      "This is a test using a larger than block-size key and a larger than block-size data. " +
        "The key needs to be hashed before being used by the HMAC algorithm.",
    ),
    mac: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  },
];

for (const [index, { key, data, mac: expected }] of RFC_4231.entries()) {
  test(`RFC 4231 test case ${index + 1} holds`, () => {
    const computed = mac(macKey(Buffer.from(key, "hex")), Buffer.from(data, "hex"));
    assert.is(computed.length, 32);
    const expectedBytes = Buffer.from(expected, "hex");
    assert.ok(macEquals(computed.subarray(0, expectedBytes.length), expectedBytes));
  });
}

test("a message in parts has the MAC of the whole", () => {
  const key = macKey(Buffer.from("key"));
  assert.ok(macEquals(mac(key, Buffer.from("ab"), Buffer.from(""), Buffer.from("c")), mac(key, Buffer.from("abc"))));
});

test("MACs that differ in a bit or in length are unequal", () => {
  const one = Buffer.alloc(32, 1);
  assert.ok(macEquals(one, Buffer.alloc(32, 1)));
  for (let bit = 0; bit < 256; bit++) {
    const other = Buffer.from(one);
    other.writeUInt8((other[bit >> 3] as number) ^ (1 << (bit & 7)), bit >> 3);
    assert.not(macEquals(one, other));
  }
  assert.not(macEquals(one, one.subarray(0, 31)));
  assert.not(macEquals(one, Buffer.alloc(33, 1)));
  assert.not(macEquals(one, Buffer.alloc(0)));
});

test("a key keeps its bytes when the caller's are wiped", () => {
  const bytes = Buffer.alloc(32, 9);
  const key = macKey(bytes);
  bytes.fill(0);
  assert.ok(key.export().equals(Buffer.alloc(32, 9)));
});

test.run();
