// test-limit-ms: 600000
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { type CodeBlock, codeBlocks } from "./code-blocks.ts";
import { ReadmeSession } from "./readme-session.ts";

/* Follows the README from its first block to its last, in a fresh copy of the repository. */
const test = suite("docs/readme");

const root = join(import.meta.dirname, "..", "..");
const blocks = codeBlocks(readFileSync(join(root, "README.md"), "utf8"));
let session: ReadmeSession;

test.before(() => {
  session = new ReadmeSession(root);
});
test.after(() => session?.[Symbol.asyncDispose]());

/** The lines of output that a block of commands announces: its comments. */
function announced({ text }: CodeBlock): string[] {
  return text.split("\n").flatMap((line) => (line.startsWith("# ") ? [line.slice(2)] : []));
}

for (const block of blocks) {
  const what = block.text.split("\n", 1)[0];
  if (block.language === "sh") {
    test(`line ${block.line}: ${what}`, async () => {
      const { stdout } = await session.type(block.text);
      const lines = stdout.split("\n");
      assert.equal(
        announced(block).filter((line) => !lines.includes(line)),
        [],
      );
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
