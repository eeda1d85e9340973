import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MIGRATIONS as POSTGRES } from "../../src/store/postgres/migrations.ts";
import { MIGRATIONS as SQLITE } from "../../src/store/sqlite/migrations.ts";
import { unknownWords } from "../examples/command-words.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("docs/upgrade");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "upgrade.md"), "utf8");

/** Layout and oldest reader of each row in the table of a store. */
function layoutsOf(store: string): number[][] {
  const [, table = ""] = new RegExp(`^\\| ${store} layout \\|.*\n\\|[-|]+\n((?:\\|.*\n)+)`, "m").exec(page) ?? [];
  return [...table.matchAll(/^\| (\d+) \| (\d+) and later \|/gm)].map(([, layout, reader]) => [
    Number(layout),
    Number(reader),
  ]);
}

for (const [store, migrations] of [
  ["SQLite", SQLITE],
  ["PostgreSQL", POSTGRES],
] as const) {
  test(`the page says of each layout of ${store} which software can use the store`, () => {
    assert.equal(
      layoutsOf(store),
      migrations.map(({ minReader }, index) => [index + 1, minReader]),
    );
  });
}

test("every command of the page is one that sealwire takes", () => {
  const commands = [...page.matchAll(/`sealwire ([^`]+)`/g)].map(([, words = ""]) => words.split(" "));
  assert.ok(commands.length > 4);
  for (const words of commands) assert.equal(unknownWords(words), [], words.join(" "));
});

test.run();
