// test-limit-ms: 600000
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { goTool } from "../interop/go-tool.ts";
import { suiteWith } from "../interop/toolchain.ts";
import { assert } from "../support/suite.ts";
import { isNotRun } from "./blocks.ts";
import { codeBlocks, missingLines } from "./code-blocks.ts";
import { ReadmeSession } from "./readme-session.ts";

/* Follows the README from its first block to its last, in a fresh copy of the repository. */
const test = suiteWith(["go"], "docs/readme");

const root = join(import.meta.dirname, "..", "..");
const page = "README.md";
const blocks = codeBlocks(readFileSync(join(root, page), "utf8")).filter(({ text }) => !isNotRun(page, text));
let session: ReadmeSession;

test.before(async () => {
  session = new ReadmeSession(root, [await goTool("grpcurl")]);
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
