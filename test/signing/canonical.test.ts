import { create, type DescMessage, fromBinary, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { canonicalize } from "../../src/signing/canonical.ts";
import { StrictError } from "../../src/validation/strict.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { assert, suite } from "../support/suite.ts";
import { hex, sampleDesc } from "../validation/sample-image.ts";

const test = suite("signing/canonical");
const SAMPLE = sampleDesc("Sample");

function becomes(from: string, to: string, desc: DescMessage = SAMPLE): void {
  assert.is(canonicalize(hex(from), desc).toString("hex"), to.replaceAll(" ", ""));
}

test("fields come in ascending order", () => {
  becomes("9a0101 61 1a0162 0801", "0801 1a0162 9a010161");
  becomes("", "");
});

test("defaults of implicit fields are left out, -0 and explicit defaults kept", () => {
  becomes("0800 1000 1a00 2200 29 0000000000000000 35 00000000 3800 4000 4800 5000", "");
  becomes("29 0000000000000080 35 00000080", "29 0000000000000080 35 00000080");
  becomes("5800", "5800");
  becomes("9a0100", "9a0100");
  becomes("a00100", "a00100");
  becomes("9201 00", "920100");
  becomes("0800 1000", "0800 1000", sampleDesc("Legacy"));
});

test("lists are packed as the contract declares", () => {
  becomes("6001 6002", "62020102");
  becomes("62020102 6003 6200 62 01 04", "620401020304");
  becomes("6200", "");
  becomes("69 000000000000f03f 6a08 0000000000000080", "6a10 000000000000f03f 0000000000000080");
  becomes("6a00", "");
  becomes("8201 03 010203 800104", "800101 800102 800103 800104");
  becomes("8a0108 01000000 02000000", "8d01 01000000 8d01 02000000");
  becomes("720162 7200 720161", "720162 7200 720161");
  becomes("ba0103 01 00 01", "ba0103010001");
});

test("a map's entries are sorted with key and value both written", () => {
  becomes("f20106 0a0162 120178 f20103 0a0161 f20103 120179", "f201050a00120179 f201050a01611200 f201060a0162120178");
  becomes("fa0102 1002 fa010b 08ffffffffffffffffff01 fa0100", "fa010d08ffffffffffffffffff011000 fa010408001000");
  becomes("820200", "82020408001200");
  becomes("8a0200", "8a020708001500000000");
  becomes("920200", "92020b08001100000000 00000000");
  becomes("a20200", "a2020708001500000000");
  becomes("aa0200", "aa02070d000000001000");
  becomes("b20200", "b2021209000000000000000011 0000000000000000");
  becomes("ca0202 0801 ca0200", "ca020408001200 ca020408011200");
});

test("text keys are sorted by their UTF-8 bytes", () => {
  const keys = ["", "a", "aa", "b", "é", "\uffff", "\u{1f600}"];
  const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.equal(sorted.at(-1), "\u{1f600}");
  assert.equal(keysOf("byText", [...keys].reverse()), sorted);
});

test("numbers are sorted by value, whatever their wire form", () => {
  const min32 = -(2 ** 31);
  const max32 = 2 ** 31 - 1;
  const min64 = -(2n ** 63n);
  const max64 = 2n ** 63n - 1n;
  for (const map of ["byInt32", "bySint32", "bySfixed32"]) {
    assert.equal(keysOf(map, [max32, 0, -1, min32, 300, 5]), [min32, -1, 0, 5, 300, max32]);
  }
  for (const map of ["byInt64", "bySint64", "bySfixed64"]) {
    assert.equal(keysOf(map, [max64, 0n, -1n, min64, 300n, 2n ** 32n]), [min64, -1n, 0n, 300n, 2n ** 32n, max64]);
  }
  for (const map of ["byUint32", "byFixed32"])
    assert.equal(keysOf(map, [2 ** 31, 0, 2 ** 32 - 1, 5]), [0, 5, 2 ** 31, 2 ** 32 - 1]);
  for (const map of ["byUint64", "byFixed64"]) {
    assert.equal(keysOf(map, [2n ** 63n, 0n, 2n ** 64n - 1n, 5n]), [0n, 5n, 2n ** 63n, 2n ** 64n - 1n]);
  }
  assert.equal(keysOf("byBool", [true, false]), [false, true]);
});

/** The order in which a map's keys stand in the canonical form of a message that was written in this order. */
function keysOf<T extends string | number | bigint | boolean>(map: string, keys: readonly T[]): T[] {
  const field = SAMPLE.field[map];
  assert.ok(field?.fieldKind === "map");
  const entries = keys.map((key) => {
    return toBinary(SAMPLE, create(SAMPLE, { [map]: { [String(key)]: defaultOf(map) } }));
  });
  const canonical = canonicalize(Buffer.concat(entries), SAMPLE);
  const found: T[] = [];
  for (let pos = 0; pos < canonical.length; ) {
    const next = pos + 3 + (canonical[pos + 2] as number);
    const single = fromBinary(SAMPLE, canonical.subarray(pos, next)) as unknown as Record<string, object>;
    const [text] = Object.keys(single[map] as object);
    found.push(keys.find((key) => String(key) === text) as T);
    pos = next;
  }
  return found;
}

function defaultOf(map: string): unknown {
  const values: Record<string, unknown> = {
    byText: "",
    byInt64: new Uint8Array(),
    byUint64: 0,
    bySint64: 0,
    byFixed32: false,
    byFixed64: 0n,
    bySfixed64: 0n,
    byBool: create(SAMPLE),
  };
  return values[map] ?? 0;
}

test("the last of a repeated map key counts, unless the bytes must be unambiguous", () => {
  const twice = "f20106 0a0161 120178 f20106 0a0161 120179";
  becomes(twice, "f201060a0161120179");
  assert.throws(
    () => canonicalize(hex(twice), SAMPLE, { unambiguous: true }),
    (error: unknown) => error instanceof StrictError,
  );
});

test("varints become as short as they can and are cut to their type", () => {
  becomes("108100", "1001");
  becomes("880001", "0801");
  becomes("0802", "0801");
  becomes("08808080808010", "0801");
  becomes("10ffffffff0f", "10ffffffffffffffffff01");
  becomes("10 8080808010", "");
  becomes("38 8180808010", "3801");
  becomes("38 8080808010", "");
  becomes("40 8180808010", "4001");
  becomes("48 8080808010", "48 8080808010");
  becomes("9a8100 01 61", "9a010161");
});

test("the value inside an Any is kept as it is", () => {
  becomes("b20109 12 02 1001 0a03 612f62", "b201090a03612f6212021001");
});

test("nested messages are canonical, too", () => {
  becomes("7a06 1001 0801 3800", "7a0408011001");
  becomes("ca0208 1206 1001 0801 3800", "ca020808001204 08011001");
  becomes(
    "aa0118 0a0a 0a0162 1205 1a03 616263 0a0a 1205 1a0361 6263 0a0161",
    "aa01180a0a0a016112051a036162630a0a0a016212051a03616263",
  );
});

test("what is no strict encoding is refused", () => {
  for (const digits of ["c03e01", "0801 0801", "00", "1a01ff", "08"]) {
    assert.throws(
      () => canonicalize(hex(digits), SAMPLE),
      (error: unknown) => error instanceof StrictError,
    );
  }
});

/** Arguments of every shape that JSON can take: maps of many keys, astral text, -0, `__proto__`, nesting. */
const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(-0)),
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("__proto__")), tie("value"), { maxKeys: 6 }),
  ),
})).value;

test("the canonical form of any Struct means the same, is its own canonical form, and does not depend on order", () => {
  const struct = messageDesc(builtinImage(), "google.protobuf.Struct");
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: "grapheme" }), json, { maxKeys: 8 }),
      fc.infiniteStream(fc.nat()),
      (fields, dice) => {
        const bytes = toBinary(SAMPLE, create(SAMPLE, { payload: fields }));
        const canonical = canonicalize(bytes, SAMPLE, { unambiguous: true });
        assert.ok(canonicalize(canonical, SAMPLE).equals(canonical));
        assert.equal(toJson(SAMPLE, fromBinary(SAMPLE, canonical)), toJson(SAMPLE, fromBinary(SAMPLE, bytes)));
        const payload = canonicalize(toBinary(struct, create(struct, {})), struct);
        assert.is(payload.length, 0);
        const shuffled = Object.fromEntries(shuffle(Object.entries(fields), dice));
        const other = toBinary(SAMPLE, create(SAMPLE, { payload: shuffled }));
        assert.ok(canonicalize(other, SAMPLE).equals(canonical));
      },
    ),
    { numRuns: 300 },
  );
});

function shuffle<T>(items: T[], dice: fc.Stream<number>): T[] {
  return items
    .map((item) => ({ item, rank: dice.next().value as number }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

test.run();
