import fc from "fast-check";
import { rangePattern } from "../../src/schema/digit-patterns.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("schema/digit-patterns");

function matches(lowest: bigint, highest: bigint, text: string): boolean {
  return new RegExp(`^(?:${rangePattern(lowest, highest)})$`, "u").test(text);
}

test("the pattern of a small range holds its numbers and no others", () => {
  for (let lowest = -112n; lowest <= 112n; lowest += 7n) {
    for (let highest = lowest; highest <= 125n; highest += 5n) {
      for (let number = -130n; number <= 130n; number += 1n) {
        const isWithin = number >= lowest && number <= highest;
        assert.is(matches(lowest, highest, String(number)), isWithin, `${number} in ${lowest} to ${highest}`);
      }
    }
  }
});

test("of 64 bits every number fits, and the next ones do not", () => {
  const least = -(2n ** 63n);
  const most = 2n ** 63n - 1n;
  for (const text of [least, least + 1n, -1n, 0n, 10n ** 18n, 9007199254740993n, most - 1n, most].map(String))
    assert.ok(matches(least, most, text), text);
  for (const text of [String(least - 1n), String(most + 1n), "", "-", "-0", "007", "+1", "1.0", "1e3", " 1", "1\n"])
    assert.not.ok(matches(least, most, text), text);
});

test("any range has its numbers and no others", () => {
  const number = fc.oneof(fc.bigInt({ min: -1000n, max: 1000n }), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }));
  fc.assert(
    fc.property(number, number, number, (one, other, tried) => {
      const [lowest, highest] = one < other ? [one, other] : [other, one];
      for (const each of [tried, lowest, highest, lowest - 1n, highest + 1n])
        assert.is(matches(lowest, highest, String(each)), each >= lowest && each <= highest);
    }),
    propertyRuns(300),
  );
});

test.run();
