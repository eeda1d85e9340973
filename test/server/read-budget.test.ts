import { TimeLimit } from "../../src/runtime/time-limit.ts";
import { ReadBudget, type Reader, type ReadSlot } from "../../src/server/read-budget.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("server/read-budget");

/** A budget of so many slots, with 100 ms for each request. */
function make(slots: number) {
  const clock = new FakeClock();
  const budget = new ReadBudget(slots, new TimeLimit(clock, 100));
  const started: string[] = [];
  const expired: string[] = [];
  const slot = (name: string): ReadSlot =>
    budget.slot({ read: () => void started.push(name), expire: () => void expired.push(name) });
  return { clock, budget, started, expired, slot };
}

test("at most as many requests are read at once as there are slots, the others in their order", () => {
  const { started, slot } = make(2);
  const [a, b, c, d] = ["a", "b", "c", "d"].map(slot);
  for (const each of [a, b, c, d]) each?.open();
  assert.equal(started, ["a", "b"]);
  b?.close();
  assert.equal(started, ["a", "b", "c"]);
  a?.close();
  assert.equal(started, ["a", "b", "c", "d"]);
});

test("a request that gives up waiting is never started", () => {
  const { started, slot } = make(1);
  const [first, second] = [slot("first"), slot("second")];
  first.open();
  second.open();
  second.close();
  first.close();
  assert.equal(started, ["first"]);
});

test("closing twice gives back once, also from within the start", () => {
  const { budget, started, slot } = make(1);
  const hasty: Reader = { read: () => own.close(), expire: () => {} };
  const own = budget.slot(hasty);
  own.open();
  own.close();
  for (const name of ["second", "third"]) slot(name).open();
  assert.equal(started, ["second"]);
});

test("any number of requests that are there already are read one after the other", () => {
  const { budget, started, slot } = make(1);
  const first = slot("first");
  first.open();
  for (let i = 0; i < 20_000; i++) {
    const own = budget.slot({
      read: () => {
        started.push(`${i}`);
        own.close();
      },
      expire: () => {},
    });
    own.open();
  }
  first.close();
  assert.equal(started, ["first", ...Array.from({ length: 20_000 }, (_, i) => `${i}`)]);
});

test("the time of a request begins when it may be read", () => {
  const { clock, expired, slot } = make(1);
  const [first, second] = [slot("first"), slot("second")];
  first.open();
  second.open();
  clock.advance(60);
  first.close();
  clock.advance(99);
  assert.equal(expired, []);
  clock.advance(1);
  assert.equal(expired, ["second"]);
});

test.run();
