import { TickLimiter } from "../../src/runtime/tick-limiter.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/tick-limiter");

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("only so many run in a turn, the others in the next ones, in order", async () => {
  const tickLimiter = new TickLimiter(2, new FakeClock());
  const ran: number[] = [];
  for (let task = 1; task <= 5; task += 1) tickLimiter.run(() => void ran.push(task));
  assert.equal(ran, [1, 2]);
  await nextTurn();
  assert.equal(ran, [1, 2, 3, 4]);
  await nextTurn();
  assert.equal(ran, [1, 2, 3, 4, 5]);
});

test("what a task begins does not overtake those who wait", async () => {
  const tickLimiter = new TickLimiter(2);
  const ran: string[] = [];
  const again = (name: string) => () => {
    ran.push(name);
    tickLimiter.run(() => void ran.push(`${name} again`));
  };
  for (const name of ["a", "b", "c"]) tickLimiter.run(again(name));
  assert.equal(ran, ["a", "a again"]);
  await nextTurn();
  assert.equal(ran.slice(2), ["b", "c"]);
  await nextTurn();
  assert.equal(ran.slice(4), ["b again", "c again"]);
});

test("a turn that was not full leaves the next one free", async () => {
  const tickLimiter = new TickLimiter(1);
  await tickLimiter.turn();
  await nextTurn();
  let ran = false;
  tickLimiter.run(() => {
    ran = true;
  });
  assert.ok(ran);
});

/** A clock that a test moves while a task runs. */
class Stopwatch {
  nowMs = 0;

  monotonicMs(): number {
    return this.nowMs;
  }
}

test("a turn ends after 5 ms, however few have run, and one task runs in each", async () => {
  const clock = new Stopwatch();
  const tickLimiter = new TickLimiter(10, clock);
  const ran: number[] = [];
  const task = (number: number, tookMs: number) => () => {
    ran.push(number);
    clock.nowMs += tookMs;
  };
  for (const [number, tookMs] of [2, 4, 9, 30, 1].entries()) tickLimiter.run(task(number, tookMs));
  assert.equal(ran, [0, 1]);
  await nextTurn();
  assert.equal(ran, [0, 1, 2]);
  await nextTurn();
  assert.equal(ran, [0, 1, 2, 3]);
  await nextTurn();
  assert.equal(ran, [0, 1, 2, 3, 4]);
});

test("callers take turns, so that many tasks of one delay another's by one", async () => {
  const tickLimiter = new TickLimiter(1);
  const ran: string[] = [];
  for (let i = 0; i < 4; i += 1) tickLimiter.run(() => void ran.push(`many ${i}`), "many");
  for (let i = 0; i < 2; i += 1) tickLimiter.run(() => void ran.push(`few ${i}`), "few");
  for (let i = 0; i < 6; i += 1) await nextTurn();
  assert.equal(ran, ["many 0", "many 1", "few 0", "many 2", "few 1", "many 3"]);
});

test("work in a turn of its own gives what it returns, or throws", async () => {
  const tickLimiter = new TickLimiter(1);
  assert.is(await tickLimiter.do(() => 7), 7);
  assert.is(await tickLimiter.do(async () => 8), 8);
  const failed = tickLimiter.do(() => {
    throw new Error("no");
  });
  assert.match(String(await failed.catch((error: unknown) => error)), "no");
});

test.run();
