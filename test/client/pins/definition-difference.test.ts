import { differenceOf } from "../../../src/client/pins/definition-difference.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("client/pins/definition-difference");

test("lines that were added, removed and changed are shown in their order", () => {
  const before = ["name: a", "description: one", "description: two", "effect: none"];
  const after = ["name: a", "description: two", "description: three", "effect: some", "x: y"];
  assert.equal(differenceOf(before, after), [
    "- description: one",
    "- effect: none",
    "+ description: three",
    "+ effect: some",
    "+ x: y",
  ]);
});

test("the same lines in another order, or once more, are a difference", () => {
  const [does, not] = ["description: delete it", "description: Never do this:"];
  assert.equal(differenceOf([not, does], [does, not]), [`- ${not}`, `+ ${not}`]);
  assert.equal(differenceOf([does, not], [does, not, does]), [`+ ${does}`]);
});

test("characters that a reader does not see are written out", () => {
  const hidden = "description: sum\u{200b}\u{e0073}\u{e0065}\u{202e}\u001b[2J\u{3164}\u{fe0f}\nname: forged";
  assert.equal(differenceOf(["description: sum"], [hidden]), [
    "- description: sum",
    "+ description: sum\\u{200b}\\u{e0073}\\u{e0065}\\u{202e}\\u{1b}[2J\\u{3164}\\u{fe0f}\\u{a}name: forged",
  ]);
});

test("definitions of many lines are compared in a moment", () => {
  const lines = (word: string): string[] => Array.from({ length: 50_000 }, (_, index) => `${word} ${index}`);
  assert.is(differenceOf(lines("a"), lines("b")).length, 100_000);
});

test.run();
