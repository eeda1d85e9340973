import { TokenBucket } from "../../src/runtime/token-bucket.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/token-bucket");

test("each who comes too early is told to come after those before, at most half a minute later than without them", () => {
  const bucket = new TokenBucket(new FakeClock(), 100, 100);
  bucket.take(100);
  assert.equal([bucket.queueMs(1), bucket.queueMs(1), bucket.queueMs(1)], [10, 20, 30]);
  for (let caller = 0; caller < 10_000; caller += 1) bucket.queueMs(1);
  assert.is(bucket.queueMs(1), 30_010);
});

test("a rate that is lowered makes nobody wait for longer than that", () => {
  const bucket = new TokenBucket(new FakeClock(), 100, 100);
  bucket.take(100);
  for (let caller = 0; caller < 10_000; caller += 1) bucket.queueMs(1);
  bucket.resize(1, 1);
  assert.ok(bucket.queueMs(1) <= 31_000);
});

test("who was told is forgotten as tokens come", () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(clock, 100, 100);
  bucket.take(100);
  for (let caller = 0; caller < 50; caller += 1) bucket.queueMs(1);
  clock.advance(2_000);
  bucket.take(100);
  assert.is(bucket.queueMs(1), 10);
});

test.run();
