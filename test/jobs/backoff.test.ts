import { backoffMs } from "../../src/jobs/backoff.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("jobs/backoff");
const policy = { initialBackoffMs: 1_000, maxBackoffMs: 300_000 };

test("the wait doubles with every failure up to the policy's limit", () => {
  assert.equal(
    [1, 2, 3, 9, 10, 100, 5_000].map((failures) => backoffMs(policy, failures)),
    [1_000, 2_000, 4_000, 256_000, 300_000, 300_000, 300_000],
  );
});

test("an initial wait above the limit is cut to it", () => {
  assert.is(backoffMs({ initialBackoffMs: 10, maxBackoffMs: 5 }, 1), 5);
});

test.run();
