import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { codeBlocks } from "./code-blocks.ts";

const test = suite("docs/links");

const root = join(import.meta.dirname, "..", "..");
const pages = globSync(["*.md", "docs/*.md", "test/*/*.md"], { cwd: root }).sort();

function read(path: string): string {
  return readFileSync(path, "utf8");
}

/** The anchors that a Markdown page offers, as code hosts make them of its headings. */
function anchorsOf(path: string): Set<string> {
  const headings = withoutCode(read(path)).matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function withoutCode(page: string): string {
  let rest = page;
  for (const { text } of codeBlocks(page)) rest = rest.replace(text, "");
  return rest;
}

for (const page of pages) {
  test(`every link of ${page} leads somewhere`, () => {
    const from = join(root, page);
    const links = [...withoutCode(read(from)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const dead = links.filter((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? from : resolve(dirname(from), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(target).has(anchor);
    });
    assert.equal(dead, []);
  });
}

test("every page for users can be reached from the README", () => {
  const readme = read(join(root, "README.md"));
  const forUsers = pages.filter((page) => page !== "README.md" && page !== "test/interop/README.md");
  const unnamed = forUsers.filter((page) => !readme.includes(`](${relative("", page)})`));
  assert.equal(unnamed, []);
});

test.run();
