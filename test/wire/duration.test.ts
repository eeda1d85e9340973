import { fromTimeMs, toTimeMs } from "../../src/wire/duration.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/duration");

test("a time that a Timestamp cannot represent becomes the nearest that it can", () => {
  assert.equal(fromTimeMs(-1), { seconds: -1n, nanos: 999_000_000 });
  for (const unixMs of [-1, 0, 1, Date.UTC(9999, 11, 31)]) assert.is(toTimeMs(fromTimeMs(unixMs)), unixMs);
  assert.equal(fromTimeMs(Date.parse("0000-12-31T23:59:59.999Z")), { seconds: -62_135_596_800n, nanos: 0 });
  assert.equal(fromTimeMs(8.64e15), { seconds: 253_402_300_799n, nanos: 999_000_000 });
});

test.run();
