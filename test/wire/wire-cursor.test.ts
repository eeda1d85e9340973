import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { WireCursor, WireFormatError } from "../../src/wire/wire-cursor.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/wire-cursor");

function problem(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, WireFormatError);
    return (error as Error).message;
  }
  return "none";
}

function cursor(digits: string, shortest = false): WireCursor {
  return new WireCursor(Buffer.from(digits, "hex"), shortest);
}

function readVarint(digits: string, shortest = false): bigint {
  const reader = cursor(digits, shortest);
  reader.varint(reader.bytes.length);
  return (BigInt(reader.hi) << 32n) | BigInt(reader.lo);
}

test("every 64-bit varint is read as its value", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const bytes = new BinaryWriter().uint64(value).finish();
      const reader = new WireCursor(bytes, true);
      reader.varint(bytes.length);
      assert.is((BigInt(reader.hi) << 32n) | BigInt(reader.lo), value);
      assert.is(reader.pos, bytes.length);
      assert.is(new BinaryReader(bytes).uint64(), value);
    }),
  );
});

test("a varint of more than 64 bits is refused", () => {
  assert.is(readVarint("ffffffffffffffffff01"), 2n ** 64n - 1n);
  assert.is(
    problem(() => readVarint("ffffffffffffffffff02")),
    "varint of more than 64 bits",
  );
  assert.is(
    problem(() => readVarint("8080808080808080808000")),
    "varint of more than 64 bits",
  );
});

test("a padded varint is refused only where the shortest form is asked for", () => {
  assert.is(readVarint("8000"), 0n);
  assert.is(readVarint("ff8000"), 127n);
  assert.is(readVarint("00", true), 0n);
  for (const padded of ["8000", "818000", "ff00", "80808080808080808000"]) {
    assert.is(
      problem(() => readVarint(padded, true)),
      "varint not in its shortest form",
    );
  }
});

test("what ends too early is truncated", () => {
  assert.is(
    problem(() => readVarint("")),
    "truncated",
  );
  assert.is(
    problem(() => readVarint("ff")),
    "truncated",
  );
  assert.is(
    problem(() => cursor("0500").delimited(2)),
    "truncated",
  );
  assert.is(
    problem(() => cursor("ffffffffffffff7f").delimited(8)),
    "truncated",
  );
  for (const [wireType, size] of [
    [1, 8],
    [5, 4],
  ] as const) {
    const whole = new WireCursor(Buffer.alloc(size));
    whole.skip(wireType, size);
    assert.is(whole.pos, size);
    assert.is(
      problem(() => new WireCursor(Buffer.alloc(size - 1)).skip(wireType, size - 1)),
      "truncated",
    );
  }
});

test("skip moves over a varint and a delimited value", () => {
  const reader = cursor("960103616263ff");
  reader.skip(0, 7);
  assert.is(reader.pos, 2);
  reader.skip(2, 7);
  assert.is(reader.pos, 6);
});

test("a tag is refused for field number 0, groups, unknown wire types and numbers out of range", () => {
  const tag = (digits: string) => problem(() => cursor(digits).tag(digits.length / 2));
  assert.is(tag("08"), "none");
  assert.is(tag("00"), "field number 0");
  assert.is(tag("02"), "field number 0");
  assert.is(tag("0b"), "group");
  assert.is(tag("0c"), "group");
  assert.is(tag("0e"), "unknown wire type");
  assert.is(tag("0f"), "unknown wire type");
  assert.is(tag("8080808010"), "field number out of range");
  assert.is(cursor("f8ffffff0f").tag(5), 0xfffffff8);
});

test("text that is not UTF-8 is refused", () => {
  const check = (text: Buffer) => problem(() => new WireCursor(text).utf8(0, text.length));
  assert.is(check(Buffer.from("")), "none");
  assert.is(check(Buffer.from("plain")), "none");
  assert.is(check(Buffer.from("é \u{1f600} \ufeff")), "none");
  assert.is(check(Buffer.from("a".repeat(1000))), "none");
  assert.is(check(Buffer.concat([Buffer.from("a".repeat(1000)), Buffer.from("ff", "hex")])), "text that is not UTF-8");
  for (const bad of ["80", "c080", "61ff", "eda080", "f4908080", "c3"]) {
    assert.is(check(Buffer.from(bad, "hex")), "text that is not UTF-8", bad);
  }
});

test("a Uint8Array that is part of a larger one is read from its own start", () => {
  const part = new Uint8Array([9, 9, 5, 9]).subarray(2, 3);
  const reader = new WireCursor(part);
  reader.varint(part.length);
  assert.is(reader.lo, 5);
});

test.run();
