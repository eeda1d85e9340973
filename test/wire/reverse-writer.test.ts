import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { ReverseWriter } from "../../src/wire/reverse-writer.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/reverse-writer");

test("a varint is written in its shortest form", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const out = new ReverseWriter(0);
      out.varint(Number(value & 0xffffffffn), Number(value >> 32n));
      assert.equal(new Uint8Array(out.finish()), new BinaryWriter().uint64(value).finish());
    }),
  );
});

test("what is written later stands earlier, however much it grows", () => {
  const out = new ReverseWriter(0);
  const block = Buffer.alloc(1000, 7);
  out.copy(Buffer.from("xyz"), 1, 3);
  out.zeros(3);
  for (let i = 0; i < 20; i++) out.copy(block, 0, block.length);
  out.varint(300);
  assert.is(out.length, 2 + 20_000 + 3 + 2);
  const bytes = out.finish();
  assert.is(bytes.toString("hex", 0, 4), "ac020707");
  assert.is(bytes.toString("hex", bytes.length - 6), `07000000${Buffer.from("yz").toString("hex")}`);
});

test.run();
