import { TimeLimit } from "../../src/runtime/time-limit.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/time-limit");

/** Things that note when they expire, with a limit of 100 ms. */
function make() {
  const clock = new FakeClock();
  const limit = new TimeLimit(clock, 100);
  const expired: string[] = [];
  const item = (name: string) => ({ expire: () => void expired.push(name) });
  return { clock, limit, expired, item };
}

test("each is ended at its own time, all by one timer", () => {
  const { clock, limit, expired, item } = make();
  limit.begin(item("a"));
  clock.advance(60);
  limit.begin(item("b"));
  limit.begin(item("c"));
  assert.is(clock.timers, 1);
  clock.advance(39);
  assert.equal(expired, []);
  clock.advance(1);
  assert.equal(expired, ["a"]);
  assert.is(clock.timers, 1);
  clock.advance(60);
  assert.equal(expired, ["a", "b", "c"]);
  assert.is(clock.timers, 0);
});

test("who ends in time is let off, and who ends late has expired", () => {
  const { clock, limit, expired, item } = make();
  const first = limit.begin(item("first"));
  const second = limit.begin(item("second"));
  limit.end(first);
  clock.advance(100);
  assert.equal(expired, ["second"]);
  limit.end(second);
  limit.end(limit.begin(item("third")));
  assert.ok(limit.idle);
  clock.advance(1_000);
  assert.equal(expired, ["second"]);
});

test("disposing lets everybody off", () => {
  const { clock, limit, expired, item } = make();
  const time = limit.begin(item("first"));
  limit[Symbol.dispose]();
  assert.is(clock.timers, 0);
  limit.end(time);
  limit.begin(item("second"));
  clock.advance(100);
  assert.equal(expired, ["second"]);
});

test("what begins while others expire gets its whole time", () => {
  const { clock, limit, expired, item } = make();
  limit.begin({
    expire: () => {
      expired.push("first");
      limit.begin(item("next"));
    },
  });
  clock.advance(100);
  assert.equal(expired, ["first"]);
  clock.advance(99);
  assert.equal(expired, ["first"]);
  clock.advance(1);
  assert.equal(expired, ["first", "next"]);
});

test.run();
