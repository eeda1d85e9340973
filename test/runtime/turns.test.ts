import { Turns } from "../../src/runtime/turns.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/turns");

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("only so many run in a turn, the others in the next ones, in order", async () => {
  const turns = new Turns(2);
  const ran: number[] = [];
  for (let task = 1; task <= 5; task += 1) turns.run(() => void ran.push(task));
  assert.equal(ran, [1, 2]);
  await nextTurn();
  assert.equal(ran, [1, 2, 3, 4]);
  await nextTurn();
  assert.equal(ran, [1, 2, 3, 4, 5]);
});

test("what a task begins does not overtake those who wait", async () => {
  const turns = new Turns(2);
  const ran: string[] = [];
  const again = (name: string) => () => {
    ran.push(name);
    turns.run(() => void ran.push(`${name} again`));
  };
  for (const name of ["a", "b", "c"]) turns.run(again(name));
  assert.equal(ran, ["a", "a again"]);
  await nextTurn();
  assert.equal(ran.slice(2), ["b", "c"]);
  await nextTurn();
  assert.equal(ran.slice(4), ["b again", "c again"]);
});

test("a turn that was not full leaves the next one free", async () => {
  const turns = new Turns(1);
  await turns.turn();
  await nextTurn();
  let ran = false;
  turns.run(() => {
    ran = true;
  });
  assert.ok(ran);
});

test.run();
