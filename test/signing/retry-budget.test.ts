import { RetryBudget } from "../../src/signing/retry-budget.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("signing/retry-budget");

function takeAll(budget: RetryBudget): number {
  let taken = 0;
  while (taken < 1000 && budget.take()) taken += 1;
  return taken;
}

test("a second's worth may be taken at once, and no more however long the pause", () => {
  const clock = new FakeClock(0);
  const budget = new RetryBudget(clock, 5);
  assert.is(takeAll(budget), 5);
  clock.advance(60_000);
  assert.is(takeAll(budget), 5);
});

test("tokens come back at the rate per second, fractions kept", () => {
  const clock = new FakeClock(0);
  const budget = new RetryBudget(clock, 5);
  takeAll(budget);
  clock.advance(199);
  assert.is(takeAll(budget), 0);
  clock.advance(1);
  assert.is(takeAll(budget), 1);
  clock.advance(500);
  assert.is(takeAll(budget), 2);
});

test("a rate of 0 allows nothing", () => {
  const clock = new FakeClock(0);
  const budget = new RetryBudget(clock, 0);
  clock.advance(1_000_000);
  assert.not(budget.take());
});

test.run();
