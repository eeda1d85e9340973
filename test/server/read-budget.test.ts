import { ReadBudget } from "../../src/server/read-budget.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("server/read-budget");

test("at most as many requests are read at once as there are slots, the others in their order", () => {
  const budget = new ReadBudget(2);
  const started: string[] = [];
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => budget.slot(() => started.push(name)));
  for (const slot of [a, b, c, d]) slot?.open();
  assert.equal(started, ["a", "b"]);
  b?.close();
  assert.equal(started, ["a", "b", "c"]);
  a?.close();
  assert.equal(started, ["a", "b", "c", "d"]);
});

test("a request that gives up waiting is never started", () => {
  const budget = new ReadBudget(1);
  const started: string[] = [];
  const first = budget.slot(() => started.push("first"));
  const second = budget.slot(() => started.push("second"));
  first.open();
  second.open();
  second.close();
  first.close();
  assert.equal(started, ["first"]);
});

test("closing twice gives back once, also from within the start", () => {
  const budget = new ReadBudget(1);
  const started: string[] = [];
  const first = budget.slot(() => {
    started.push("first");
    first.close();
  });
  first.open();
  first.close();
  for (const name of ["second", "third"]) budget.slot(() => started.push(name)).open();
  assert.equal(started, ["first", "second"]);
});

test.run();
