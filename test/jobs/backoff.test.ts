import { backoffMs } from "../../src/jobs/backoff.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("jobs/backoff");
const policy = { initialBackoffMs: 1_000, maxBackoffMs: 300_000 };

test("the wait doubles with every failure up to the policy's limit", () => {
  assert.equal(
    [1, 2, 3, 9, 10, 100, 5_000].map((failures) => backoffMs(policy, failures, undefined)),
    [1_000, 2_000, 4_000, 256_000, 300_000, 300_000, 300_000],
  );
});

test("an initial wait above the limit is cut to it", () => {
  assert.is(backoffMs({ initialBackoffMs: 10, maxBackoffMs: 5 }, 1, undefined), 5);
});

test("the wait that an error asks for is taken, up to the policy's limit", () => {
  assert.equal(
    [0, 20, 300_000, 300_001].map((askedMs) => backoffMs(policy, 4, askedMs)),
    [0, 20, 300_000, 300_000],
  );
});

test.run();
