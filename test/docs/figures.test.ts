import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";

const test = suite("docs/figures");

const root = join(import.meta.dirname, "..", "..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** When, of what, on which machine, by which command: what stands beside figures, its lines put together. */
const SOURCE =
  /^Measured \d{4}-\d{2}-\d{2} at commit `[0-9a-f]{7,}`[.,] .*\d+ cores.*Node v\d.*Command: `npm run ([\w:]+)/;

/** The parts of a page between headings, without code. */
function sections(page: string): readonly { readonly title: string; readonly paragraphs: readonly string[] }[] {
  return page.split(/^## /m).map((text) => {
    const [title = "", ...rest] = text.split("\n");
    return { title, paragraphs: rest.join("\n").split(/\n\n+/) };
  });
}

const isTableOfNumbers = (paragraph: string): boolean => /^\|(.*\n)*.*\| *[\d,.]+(?: s| min)? *\|/.test(paragraph);
const sourceOf = (paragraph: string): RegExpExecArray | null => SOURCE.exec(paragraph.replaceAll("\n", " "));

for (const name of ["reliability.md", "scale.md"]) {
  test(`figures in ${name} have date, commit, machine and command beside them`, () => {
    const page = readFileSync(join(root, "docs", name), "utf8");
    let tables = 0;
    for (const { title, paragraphs } of sections(page)) {
      for (const [index, paragraph] of paragraphs.entries()) {
        if (!isTableOfNumbers(paragraph)) continue;
        tables += 1;
        const [, script = ""] = sourceOf(paragraphs[index - 1] ?? "") ?? sourceOf(paragraphs[index + 1] ?? "") ?? [];
        assert.ok(Object.hasOwn(scripts, script), `${name}, ${title}: ${paragraph.slice(0, 60)}`);
      }
    }
    assert.ok(tables > 0);
  });
}

test.run();
