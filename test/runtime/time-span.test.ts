import { describeSpan } from "../../src/runtime/time-span.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/time-span");

test("a time span is told in a unit that suits it", () => {
  const spans = [0, 350, 1999, 60_000, 119_940, 300_000, 5_400_000, 7_200_000, 86_400_000, 172_800_250, 2 ** 45];
  assert.equal(
    spans.map((ms) => describeSpan(ms)),
    [
      ...["0 ms", "350 ms", "1999 ms", "60 s", "119.9 s", "5 min", "90 min", "2 hours", "24 hours", "2 days"],
      "407226.5 days",
    ],
  );
});

test("a time span without decimals is a whole number of its unit", () => {
  assert.equal(
    [350, 2_400, 150_000].map((ms) => describeSpan(ms, 0)),
    ["350 ms", "2 s", "3 min"],
  );
});

test.run();
