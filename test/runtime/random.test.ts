import { systemRandom } from "../../src/runtime/random.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/random");

test("bytes have the requested length and never repeat, also across refills of the pool", () => {
  const seen = new Set<string>();
  for (let count = 0; count < 2_000; count += 1) {
    const bytes = systemRandom.bytes(16);
    assert.is(bytes.length, 16);
    seen.add(Buffer.from(bytes).toString("hex"));
  }
  assert.is(seen.size, 2_000);
});

test("bytes are the caller's own: a change to them does not reach later ones", () => {
  const first = systemRandom.bytes(32);
  assert.is(first.buffer.byteLength, 32);
  first.fill(0);
  assert.not.equal(systemRandom.bytes(32), first);
});

test("any length is served", () => {
  for (const length of [0, 1, 63, 64, 65, 4096, 10_000]) assert.is(systemRandom.bytes(length).length, length);
});

test.run();
