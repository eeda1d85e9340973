// test-limit-ms: 600000
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { isNotRun } from "./blocks.ts";
import { codeBlocks, missingLines } from "./code-blocks.ts";
import { ReadmeSession } from "./readme-session.ts";

/* Follows the README from its first block to its last, in a fresh copy of the repository. */
const test = suite("docs/readme");

const root = join(import.meta.dirname, "..", "..");
const page = "README.md";
const blocks = codeBlocks(readFileSync(join(root, page), "utf8")).filter(({ text }) => !isNotRun(page, text));
let session: ReadmeSession;

test.before(() => {
  session = new ReadmeSession(root);
});
test.after(() => session?.[Symbol.asyncDispose]());

for (const block of blocks) {
  const what = block.text.split("\n", 1)[0];
  if (block.language === "sh") {
    test(`line ${block.line}: ${what}`, async () => {
      const { stdout } = await session.type(block.text);
      assert.equal(missingLines(block, stdout), [], stdout);
    });
  } else {
    test(`line ${block.line}: the file ${what} is what init writes`, () => {
      const [, name = "", content] = /^\/\/ (\S+)\n([\s\S]*)$/.exec(block.text) ?? [];
      assert.is(content, readFileSync(join(root, "examples", "greeter", name), "utf8"));
      session.write(block.text);
    });
  }
}

test.run();
