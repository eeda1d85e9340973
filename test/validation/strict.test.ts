import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { checkStrict, MAX_DEPTH, StrictError } from "../../src/validation/strict.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { assert, suite } from "../support/suite.ts";
import { hex, sampleDesc } from "./sample-image.ts";

const test = suite("validation/strict");
const SAMPLE = sampleDesc("Sample");

function fault(
  digits: string,
  options: { desc?: Parameters<typeof checkStrict>[1]; unambiguous?: boolean } = {},
): string {
  try {
    checkStrict(hex(digits), options.desc ?? SAMPLE, { unambiguous: options.unambiguous ?? false });
  } catch (error) {
    assert.instance(error, StrictError);
    return (error as StrictError).message;
  }
  return "none";
}

const plain = (digits: string) => fault(digits);
const unambiguous = (digits: string) => fault(digits, { unambiguous: true });

test("an empty message and one of each field pass", () => {
  assert.is(plain(""), "none");
  assert.is(
    plain("0801 10ffffffffffffffffff01 1a0161 2201ff 290000000000000080 3500000080 3801 4001 4801 5001"),
    "none",
  );
  assert.is(plain("62020102 6a080000000000000000 720161 72 00 7a020801 9201020801 9a0101 61"), "none");
});

test("elements are bounded over the whole message: messages, entries, and values of lists that are not packed", () => {
  const repeated = (digits: string, count: number) => digits.replaceAll(" ", "").repeat(count);
  const tooMany = /more than 100000 messages, map entries and values of unpacked lists in all$/;
  // The message itself is the first.
  assert.is(plain(repeated("7a00", 99_999)), "none");
  assert.match(plain(repeated("7a00", 100_000)), /^children: more/);
  assert.match(plain(repeated("7a00", 50_000) + repeated("f20100", 50_000)), tooMany);
});

test("varints in packed lists are bounded, values of fixed width are not", () => {
  const desc = messageDesc(builtinImage(), "sealwire.system.v1.ListJobsRequest");
  const packed = (count: number) => {
    const values = Buffer.alloc(count, 1);
    return Buffer.concat([
      Buffer.from([0x0a, (count & 0x7f) | 0x80, ((count >> 7) & 0x7f) | 0x80, count >> 14]),
      values,
    ]);
  };
  assert.is(fault(packed(262_144).toString("hex"), { desc }), "none");
  assert.match(fault(packed(262_145).toString("hex"), { desc }), "states: more than 262144 packed varints in all");
  const doubles = Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x3f]), Buffer.alloc(0x3f << 14)]);
  const sum = messageDesc(builtinImage(), "sealwire.demo.v1.BatchSumRequest");
  assert.is(fault(doubles.toString("hex"), { desc: sum }), "none");
});

test("an unknown field is refused at every depth", () => {
  assert.is(plain("c03e01"), "unknown field number 1000");
  assert.is(plain("7a03 c03e01"), "children: unknown field number 1000");
  assert.is(plain("7a06 920103 c03e01"), "children.child: unknown field number 1000");
  assert.is(plain("f20104 0a00 1801"), "by_text: unknown field number 3");
  assert.is(plain("aa0109 0a07 0a0161 1202 3801"), "payload.fields.value: unknown field number 7");
});

test("a singular field given twice is refused, in a nested message and in a map entry too", () => {
  assert.is(plain("0801 0801"), "flag: given twice");
  assert.is(plain("920100 920100"), "child: given twice");
  assert.is(plain("5801 5801"), "maybe_number: given twice");
  assert.is(plain("7a04 0801 0800"), "children.flag: given twice");
  assert.is(plain("f20106 0a0161 0a0162"), "by_text.key: given twice");
  assert.is(plain("f20107 0a0161 1200 1200"), "by_text.value: given twice");
});

test("two members of one oneof are refused", () => {
  assert.is(plain("9a0101 61"), "none");
  assert.is(plain("9a0101 61 a00101"), "choice_number: given twice");
  assert.is(plain("aa010d 0a0b 0a0161 1206 0800 2000 2001"), "payload.fields.value.bool_value: given twice");
});

test("a message of more than 31 singular fields is checked for each of them", () => {
  const desc = sampleDesc("Many");
  const all = Array.from({ length: 40 }, (_, i) => (i < 15 ? Buffer.from([(i + 1) << 3, 1]) : twoByteTag(i + 1)));
  const digits = Buffer.concat(all).toString("hex");
  assert.is(fault(digits, { desc }), "none");
  for (let i = 0; i < 40; i++) {
    assert.is(fault(digits + (all[i] as Buffer).toString("hex"), { desc }), `f${i + 1}: given twice`);
  }
});

function twoByteTag(number: number): Buffer {
  const tag = number << 3;
  return Buffer.from([(tag & 0x7f) | 0x80, tag >>> 7, 1]);
}

test("a wrong wire type is refused", () => {
  assert.is(plain("0a0101"), "flag: wire type 2 instead of 0");
  assert.is(plain("1801"), "text: wire type 0 instead of 2");
  assert.is(plain("2d00000000"), "ratio: wire type 5 instead of 1");
  assert.is(plain("7001"), "texts: wire type 0 instead of 2");
  assert.is(plain("f0010a"), "by_text: wire type 0 instead of 2");
  assert.is(plain("61 0000000000000000"), "numbers: wire type 1 instead of 0");
});

test("lists may stand packed, unpacked or both", () => {
  assert.is(plain("6001 6002"), "none");
  assert.is(plain("62020102 6003 6200"), "none");
  assert.is(plain("8001 02 8201 020304"), "none");
  assert.is(plain("8d01 00000000 8a0108 0000000000000000"), "none");
  assert.is(plain("6a070000000000000 0"), "ratios: truncated");
  assert.is(plain("620180"), "numbers: truncated");
  assert.is(plain("6202ff"), "numbers: truncated");
});

test("text that is not UTF-8 is refused, bytes may be anything", () => {
  assert.is(plain("1a02c328"), "text: text that is not UTF-8");
  assert.is(plain("7201ff"), "texts: text that is not UTF-8");
  assert.is(plain("f201040a02eda0"), "by_text.key: text that is not UTF-8");
  assert.is(plain("2202c328"), "none");
  assert.is(fault("0801 2201ff", { desc: sampleDesc("Legacy") }), "text: text that is not UTF-8");
});

test("zero tags, groups and truncated values are refused", () => {
  assert.is(plain("00"), "field number 0");
  assert.is(plain("0801 00"), "field number 0");
  assert.is(plain("0b0c"), "group");
  assert.is(plain("0c"), "group");
  assert.is(fault("2b08012c", { desc: sampleDesc("Legacy") }), "group");
  assert.is(plain("08"), "flag: truncated");
  assert.is(plain("1a0561"), "text: truncated");
  assert.is(plain("2900"), "ratio: truncated");
  assert.is(plain("7a0408"), "children: truncated");
  assert.is(plain("7a0108"), "children.flag: truncated");
});

test("messages may nest 100 levels deep and no deeper", () => {
  const nest = (levels: number): string => {
    let bytes = Buffer.alloc(0);
    for (let i = 1; i < levels; i++) {
      const size = bytes.length;
      const head = size < 128 ? [0x92, 1, size] : [0x92, 1, (size & 0x7f) | 0x80, size >>> 7];
      bytes = Buffer.concat([Buffer.from(head), bytes]);
    }
    return bytes.toString("hex");
  };
  assert.is(plain(nest(MAX_DEPTH)), "none");
  assert.match(plain(nest(MAX_DEPTH + 1)), /child: more than 100 levels deep$/);
});

test("a closed enum takes only its own values, an open one any", () => {
  const desc = sampleDesc("Legacy");
  assert.is(fault("0801 1001", { desc }), "none");
  assert.is(fault("0801 1002", { desc }), "size: unknown enum value 2");
  assert.is(fault("0801 1a020102", { desc }), "sizes: unknown enum value 2");
  assert.is(plain("5063"), "none");
});

test("a padded varint passes unless the bytes must be unambiguous", () => {
  assert.is(plain("108100"), "none");
  assert.is(unambiguous("108100"), "number: varint not in its shortest form");
  assert.is(plain("8800 01"), "none");
  assert.is(unambiguous("8800 01"), "varint not in its shortest form");
});

test("a bool must be 0 or 1 where the bytes must be unambiguous", () => {
  assert.is(plain("0802"), "none");
  assert.is(unambiguous("0800"), "none");
  assert.is(unambiguous("0802"), "flag: a bool other than 0 and 1");
  assert.is(unambiguous("088080808010"), "flag: a bool other than 0 and 1");
});

test("integers must be in range where the bytes must be unambiguous", () => {
  for (const [tag, name] of [
    ["10", "number"],
    ["50", "color"],
  ]) {
    assert.is(unambiguous(`${tag}ffffffffffffffffff01`), "none");
    assert.is(unambiguous(`${tag}80808080f8ffffffff01`), "none");
    assert.is(unambiguous(`${tag}ffffffff07`), "none");
    assert.is(plain(`${tag}ffffffff0f`), "none");
    assert.is(unambiguous(`${tag}ffffffff0f`), `${name}: an integer out of range`);
    assert.is(unambiguous(`${tag}8080808010`), `${name}: an integer out of range`);
    assert.is(unambiguous(`${tag}ffffffff8fffffffff01`), `${name}: an integer out of range`);
  }
  for (const [tag, name] of [
    ["38", "unsigned"],
    ["40", "zigzag"],
  ]) {
    assert.is(unambiguous(`${tag}ffffffff0f`), "none");
    assert.is(plain(`${tag}8080808010`), "none");
    assert.is(unambiguous(`${tag}8080808010`), `${name}: an integer out of range`);
  }
  assert.is(unambiguous("48ffffffffffffffffff01"), "none");
  assert.is(unambiguous("6206 01ffffffff0f"), "numbers: an integer out of range");
});

test("a map key given twice is refused only where the bytes must be unambiguous", () => {
  const twice: readonly [string, string][] = [
    ["f20103 0a0161 f20106 0a0161 120162", "by_text"],
    ["f20102 1200 f20105 0a00 120161", "by_text"],
    ["f20105 120161 0a00 f20100", "by_text"],
    ["fa0102 0805 fa0104 0805 1001", "by_int32"],
    ["fa0100 fa0102 0800", "by_int32"],
    ["820202 0807 820202 0807", "by_int64"],
    ["820200 820202 0800", "by_int64"],
    ["8a0202 0807 8a0207 0807 1501020304", "by_uint32"],
    ["ca0200 ca0202 0800", "by_bool"],
    ["aa0205 0d01000000 aa0205 0d01000000", "by_fixed32"],
    ["b20209 090100000000000000 b20209 090100000000000000", "by_fixed64"],
  ];
  for (const [digits, name] of twice) {
    assert.is(plain(digits), "none", digits);
    assert.is(unambiguous(digits), `${name}: a key given twice`, digits);
  }
  assert.is(unambiguous("fa0102 0805 fa0102 0806 820202 0805"), "none");
  assert.is(unambiguous("7a05 fa01020805 7a05 fa01020805"), "none");
});

test("an Any is refused where the bytes must be unambiguous, its value never looked at", () => {
  assert.is(plain("b20107 0a0161 1202ffff"), "none");
  assert.is(plain("b20102 1801"), "anything: unknown field number 3");
  assert.is(unambiguous("b20100"), "anything: an Any, which has no canonical form");
  const any = messageDesc(builtinImage(), "google.protobuf.Any");
  assert.is(fault("", { desc: any }), "none");
  assert.is(fault("", { desc: any, unambiguous: true }), "an Any, which has no canonical form");
});

test("what @bufbuild/protobuf writes passes, and any other bytes are refused or decodable", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer(), fc.string(), (bytes, number, text) => {
      const message = create(SAMPLE, {
        data: bytes,
        number,
        text: text.toWellFormed(),
        numbers: [number, 0, -1],
      });
      checkStrict(toBinary(SAMPLE, message), SAMPLE, { unambiguous: true });
      try {
        checkStrict(bytes, SAMPLE);
      } catch (error) {
        assert.instance(error, StrictError);
        return;
      }
      fromBinary(SAMPLE, bytes);
    }),
    { numRuns: 500 },
  );
});

test.run();
