import { startDeadline } from "../../../src/jobs/worker/deadline.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("jobs/worker/deadline");

test("a deadline passes once, when its time is over", () => {
  const clock = new FakeClock();
  let passed = 0;
  startDeadline(
    clock,
    100,
    () => 0,
    () => passed++,
  );
  clock.advance(99);
  assert.is(passed, 0);
  clock.advance(1);
  assert.is(passed, 1);
  clock.advance(1_000);
  assert.is(passed, 1);
});

test("a deadline moves with its start", () => {
  const clock = new FakeClock();
  let started = 0;
  let passed = 0;
  startDeadline(
    clock,
    100,
    () => started,
    () => passed++,
  );
  started = 80;
  clock.advance(100);
  assert.is(passed, 0);
  clock.advance(80);
  assert.is(passed, 1);
});

test("a deadline beyond the longest timer waits for its time", () => {
  const clock = new FakeClock();
  const capped = { ...clock, monotonicMs: () => clock.monotonicMs(), nowMs: () => clock.nowMs() };
  let passed = 0;
  const after = (delayMs: number, callback: () => void) => clock.after(Math.min(delayMs, 1_000), callback);
  startDeadline(
    { ...capped, after },
    3_000,
    () => 0,
    () => passed++,
  );
  for (let second = 1; second <= 2; second += 1) clock.advance(1_000);
  assert.is(passed, 0);
  clock.advance(1_000);
  assert.is(passed, 1);
});

test("a deadline that is called off never passes", () => {
  const clock = new FakeClock();
  let passed = 0;
  const deadline = startDeadline(
    clock,
    100,
    () => 0,
    () => passed++,
  );
  deadline[Symbol.dispose]();
  clock.advance(1_000);
  assert.is(passed, 0);
  assert.is(clock.timers, 0);
});

test.run();
