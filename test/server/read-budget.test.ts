import { ReadBudget, type Reader } from "../../src/server/read-budget.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("server/read-budget");

function readers(budget: ReadBudget, names: readonly string[]): { readonly started: string[]; readonly all: Reader[] } {
  const started: string[] = [];
  const all = names.map((name) => ({ read: () => void started.push(name) }));
  for (const reader of all) budget.enter(reader);
  return { started, all };
}

test("at most as many requests are read at once as there are slots, the others in their order", () => {
  const budget = new ReadBudget(2);
  const { started, all } = readers(budget, ["a", "b", "c", "d"]);
  assert.equal(started, ["a", "b"]);
  budget.leave(all[1] as Reader);
  assert.equal(started, ["a", "b", "c"]);
  budget.leave(all[0] as Reader);
  assert.equal(started, ["a", "b", "c", "d"]);
});

test("a request that gives up waiting is never started", () => {
  const budget = new ReadBudget(1);
  const { started, all } = readers(budget, ["first", "second"]);
  budget.leave(all[1] as Reader);
  budget.leave(all[0] as Reader);
  assert.equal(started, ["first"]);
});

test("leaving twice gives back once, also from within the start", () => {
  const budget = new ReadBudget(1);
  const hasty: Reader = { read: () => budget.leave(hasty) };
  budget.enter(hasty);
  budget.leave(hasty);
  assert.equal(readers(budget, ["second", "third"]).started, ["second"]);
});

test.run();
