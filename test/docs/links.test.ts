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
  return new Set(
    headingsOf(path).map((heading) =>
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

/** The headings of a page, without code. */
function headingsOf(path: string): readonly string[] {
  return [...withoutCode(read(path)).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
}

for (const page of pages) {
  test(`every link of ${page} to another page or file leads somewhere`, () => {
    const from = join(root, page);
    const links = [...withoutCode(read(from)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const dead = links.filter((link) => {
      if (link.startsWith("https://")) return false;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? from : resolve(dirname(from), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(target).has(anchor);
    });
    assert.equal(dead, []);
  });
}

test("every section of a page that a comment names is there", () => {
  const sources = globSync(["src/**/*.ts", "test/**/*.{ts,py,rs,java,go}", "examples/**/*.{ts,py,rs,java,go}"], {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|target)$/.test(path),
  });
  const named = sources.flatMap((source) =>
    [...read(join(root, source)).matchAll(/(docs\/[\w-]+\.md),[\s*/]+"?([A-Z][\w -]*)/g)].map(
      ([, page = "", section = ""]) => ({ source, page, section }),
    ),
  );
  assert.ok(named.length > 10);
  assert.equal(
    named.filter(({ page, section }) => !headingsOf(join(root, page)).includes(section)),
    [],
  );
});

test("every page for users can be reached from the README", () => {
  const readme = read(join(root, "README.md"));
  const forUsers = pages.filter((page) => page !== "README.md" && !page.startsWith("test/interop/"));
  const unnamed = forUsers.filter((page) => !readme.includes(`](${relative("", page)})`));
  assert.equal(unnamed, []);
});

test.run();
