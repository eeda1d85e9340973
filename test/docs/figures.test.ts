import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommand } from "../../bench/report/command.ts";
import { provenance, resultPage } from "../../bench/report/markdown.ts";
import type { Result } from "../../bench/report/result.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("docs/figures");

const root = join(import.meta.dirname, "..", "..");
const results = join(root, "bench", "results");
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

for (const file of globSync("*.json", { cwd: results })) {
  test(`bench/results/${file} names its commit and command, and its page is what is made of it`, () => {
    const result = JSON.parse(readFileSync(join(results, file), "utf8")) as Result;
    assert.match(result.commit ?? "none", /^[0-9a-f]{7,40}$/);
    assert.match(result.command, /^npm run bench\b/);
    assert.is(readFileSync(join(results, file.replace(/json$/, "md")), "utf8"), resultPage(result));
    assert.match(provenance(result), SOURCE);
  });
}

for (const language of ["go", "java", "python", "rust"]) {
  test(`the README of the package for ${language} shows the last measured cost of signing`, () => {
    const lines = readFileSync(join(results, "languages.md"), "utf8").split("\n");
    const rows = lines.filter((line) => line.startsWith(`| ${language}`));
    assert.ok(rows.length > 0);
    const readme = readFileSync(join(root, "clients", language, "README.md"), "utf8");
    const paragraphs = readme.split(/\n\n+/).map((paragraph) => paragraph.replaceAll("\n", " ").trim());
    for (const row of rows) assert.ok(readme.includes(`${row}\n`), row);
    assert.ok(paragraphs.includes(lines.find((line) => line.startsWith("Measured ")) ?? "nothing measured"));
  });
}

test("a command is told as it was typed, quoted where a shell needs it", () => {
  assert.is(describeCommand([]), "npm run bench");
  const typed = ["calls", "--rounds", "2", "--variants", "a,b", "--out", "/tmp/it's here"];
  const line = describeCommand(typed);
  assert.match(line, "npm run bench -- calls --rounds 2 --variants a,b --out '");
  const words = execFileSync("sh", ["-c", `printf '%s\\n' ${line.slice("npm run bench -- ".length)}`], {
    encoding: "utf8",
  });
  assert.equal(words.trimEnd().split("\n"), typed);
});

test("no page beside those states microseconds, megabytes or a share of the processor, unless it says where they come from", () => {
  for (const name of ["decisions.md", "operations.md", "security.md", "debugging.md"]) {
    const page = readFileSync(join(root, "docs", name), "utf8");
    const unsourced = page
      .split(/\n\n+/)
      .filter((text) => / µs\b| MB\b|of CPU/.test(text) && !text.includes("bench/results/"));
    assert.equal(unsourced, [], name);
  }
});

test.run();
