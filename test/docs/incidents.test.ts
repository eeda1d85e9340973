import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unknownWords } from "../examples/command-words.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("docs/incidents");

test("every command of the page exists, with its options", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/incidents.md"), "utf8");
  const commands = [...page.matchAll(/`sealwire ([^`]+)`/g)].map(([, words = ""]) => words);
  assert.ok(commands.length >= 15);
  for (const command of commands) assert.equal(unknownWords(command.split(" ")), [], command);
});

test.run();
