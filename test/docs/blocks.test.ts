import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { isNotRun, NOT_RUN, RUN_BY } from "./blocks.ts";
import { codeBlocks } from "./code-blocks.ts";

const test = suite("docs/blocks");

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const OTHERS = /(^|\/)(node_modules|dist|coverage|target|\.sealwire|\.venv|\.pytest_cache)$/;
const pages = globSync("**/*.md", { cwd: root, exclude: (path) => OTHERS.test(path) }).sort();
const blocks = pages.flatMap((page) => codeBlocks(read(page)).map((block) => ({ page, ...block })));

test("every block of every page is run, or stands in the list of those that are not, with the reason", () => {
  const left = blocks
    .filter(({ page }) => !Object.hasOwn(RUN_BY, page))
    .filter(({ page, text }) => !isNotRun(page, text));
  assert.equal(
    left.map(({ page, line, text }) => `${page}:${line}: ${text.split("\n", 1)[0]}`),
    [],
  );
  assert.ok(blocks.length > 50);
});

test("the list names no block that there is not, and none twice", () => {
  for (const { page, start } of NOT_RUN) {
    const found = blocks.filter((block) => block.page === page && block.text.startsWith(start));
    assert.is(found.length, 1, `${page}: ${start}`);
  }
});

test("whatever runs a page, or a block in its place, is there", () => {
  for (const [page, by] of Object.entries(RUN_BY)) {
    assert.ok(pages.includes(page), page);
    // Those of the examples and of the packages are read by the tests that their suites add.
    assert.match(read(by), /codeBlocks\(|copyExample\(|clientSuite\(/, `${by} reads ${page}`);
  }
  for (const { reason } of NOT_RUN)
    for (const [path] of reason.matchAll(/test\/[\w/.-]+\.ts/g)) assert.ok(read(path) !== "", path);
});

test.run();
