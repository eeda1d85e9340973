import { Heartbeats } from "../../src/tools/heartbeats.ts";
import { settled } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("tools/heartbeats");

let clock = new FakeClock();
let heartbeats = new Heartbeats(clock);
test.before.each(() => {
  clock = new FakeClock();
  heartbeats = new Heartbeats(clock);
});

/** A source whose steps are answered by hand. */
function source() {
  const steps: PromiseWithResolvers<IteratorResult<string, undefined>>[] = [];
  let left = false;
  const iterator = {
    next() {
      const step = Promise.withResolvers<IteratorResult<string, undefined>>();
      steps.push(step);
      return step.promise;
    },
    async return() {
      left = true;
      return { done: true as const, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return {
    iterator,
    give: (value: string) => steps.shift()?.resolve({ done: false, value }),
    end: () => steps.shift()?.resolve({ done: true, value: undefined }),
    fail: (error: Error) => steps.shift()?.reject(error),
    get asked() {
      return steps.length;
    },
    get left() {
      return left;
    },
  };
}

test("silence gives heartbeats, and loses nothing of the source", async () => {
  const words = source();
  const heard = heartbeats.between(words.iterator, { intervalMs: 100 });
  for (let beat = 0; beat < 3; beat += 1) {
    const step = heard.next();
    clock.advance(100);
    assert.equal(await step, { done: false, value: undefined });
  }
  assert.is(words.asked, 1);
  const step = heard.next();
  words.give("a");
  assert.equal(await step, { done: false, value: "a" });
});

test("what comes while nobody asks is given to the next who does, an error too", async () => {
  const words = source();
  const heard = heartbeats.between(words.iterator, { intervalMs: 100 });
  const beat = heard.next();
  clock.advance(100);
  await beat;
  words.give("a");
  await settled();
  assert.equal(await heard.next(), { done: false, value: "a" });
  const second = heard.next();
  clock.advance(100);
  await second;
  words.fail(new Error("gone"));
  await settled();
  assert.is(await heard.next().catch((error) => error.message), "gone");
  assert.is(clock.timers, 0);
});

test("news starts the silence anew", async () => {
  const words = source();
  const heard = heartbeats.between(words.iterator, { intervalMs: 100 });
  const first = heard.next();
  clock.advance(99);
  words.give("a");
  await first;
  const second = heard.next();
  clock.advance(99);
  words.give("b");
  assert.is((await second).value, "b");
});

test("all with the same interval share a timer, which goes with the last of them", async () => {
  const all = Array.from({ length: 1_000 }, () => source());
  const watches = all.map(({ iterator }) => heartbeats.between(iterator, { intervalMs: 100 }));
  const steps = watches.map((each) => each.next());
  const other = heartbeats.between(source().iterator, { intervalMs: 200 }).next();
  assert.is(clock.timers, 2);
  clock.advance(100);
  for (const step of await Promise.all(steps)) assert.is(step.value, undefined);
  clock.advance(100);
  await other;
  assert.is(clock.timers, 0);
});

test("the end is passed on, and a reader that leaves is told to the source", async () => {
  const [ended, left] = [source(), source()];
  const step = heartbeats.between(ended.iterator, { intervalMs: 100 }).next();
  ended.end();
  assert.is((await step).done, true);
  let told = false;
  const leave = (): void => {
    told = true;
  };
  const heard = heartbeats.between(left.iterator, { intervalMs: 100, leave });
  await heard.return?.();
  assert.ok(told && left.left);
  assert.is(clock.timers, 0);
});

test.run();
