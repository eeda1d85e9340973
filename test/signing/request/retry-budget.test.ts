import { RetryBudget } from "../../../src/signing/request/retry-budget.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";
import { sampleKey } from "../sample-ring.ts";

const KIB = 1024;
const [ALICE, BOB] = [sampleKey({ keyId: "alice" }), sampleKey({ keyId: "bob" })];

const test = suite("signing/request/retry-budget");

function takeAll(budget: RetryBudget, key: typeof ALICE | undefined, bytes = 43): number {
  let taken = 0;
  while (taken < 1000 && budget.take(key, bytes)) taken += 1;
  return taken;
}

test("each key has a second's worth at once, and all unknown ones together the largest frame's, and then a tenth", () => {
  const clock = new FakeClock(0);
  const budget = new RetryBudget(clock, 50);
  assert.is(takeAll(budget, undefined), 16);
  clock.advance(1000);
  assert.is(takeAll(budget, undefined), 5);
  assert.is(takeAll(budget, ALICE), 50);
  assert.is(takeAll(budget, BOB), 50);
});

test("a frame costs a try for every 4 KiB, and never more than a second's worth", () => {
  const budget = new RetryBudget(new FakeClock(0), 50);
  assert.is(takeAll(budget, ALICE, 64 * KIB), 3);
  assert.is(takeAll(budget, undefined, 64 * KIB), 1);
  for (const key of [ALICE, undefined]) {
    assert.is(takeAll(new RetryBudget(new FakeClock(0), 3), key, 64 * KIB), 1);
  }
});

test("what is given back can be taken again", () => {
  const budget = new RetryBudget(new FakeClock(0), 50);
  for (let i = 0; i < 500; i += 1) {
    assert.ok(budget.take(undefined, 43));
    budget.giveBack(undefined, 43);
  }
});

test("tries come back at the rate per second, and add up to no more than a second's worth", () => {
  const clock = new FakeClock(0);
  const budget = new RetryBudget(clock, 5);
  takeAll(budget, ALICE);
  clock.advance(199);
  assert.is(takeAll(budget, ALICE), 0);
  clock.advance(1);
  assert.is(takeAll(budget, ALICE), 1);
  clock.advance(60_000);
  assert.is(takeAll(budget, ALICE), 5);
});

test("a rate of 0 allows nothing", () => {
  const clock = new FakeClock(0);
  const budget = new RetryBudget(clock, 0);
  clock.advance(1_000_000);
  assert.not(budget.take(ALICE, 0));
  assert.not(budget.take(undefined, 0));
});

test.run();
