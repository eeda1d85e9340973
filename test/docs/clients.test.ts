import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";

/* The names that docs/clients.md gives in the column of a language are names in the sources of its package. */
const test = suite("docs/clients");

const ROOT = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(ROOT, "docs", "clients.md"), "utf8");

const SOURCES = {
  Python: "clients/python/src/**/*.py",
  Go: "clients/go/**/*.go",
  Java: "clients/java/src/main/**/*.java",
  Rust: "clients/rust/src/**/*.rs",
};
/** Names of what Java generates when the package is built. */
const GENERATED = new Set(["newBlockingStub"]);

const rows = [...page.matchAll(/^\| \d+ [^|]+\|(.+)\|$/gm)].map(([, cells = ""]) => cells.split("|"));

test("eleven things are shown in four languages", () => {
  assert.is(rows.length, 11);
  for (const cells of rows) assert.is(cells.length, 4);
});

for (const [column, [language, glob]] of Object.entries(SOURCES).entries()) {
  test(`every name in the column of ${language} is in its package`, () => {
    const sources = globSync(glob, { cwd: ROOT })
      .map((file) => readFileSync(join(ROOT, file), "utf8"))
      .join("\n");
    const cells = rows.map((row) => row[column] ?? "").join(" ");
    const names = [...cells.matchAll(/`([^`]+)`/g)].flatMap(([, code = ""]) =>
      code
        .replace(/\(.*\)/, "")
        .split(/::|\./)
        .filter((name) => !GENERATED.has(name)),
    );
    assert.ok(names.length > 15);
    assert.equal(
      names.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources)),
      [],
    );
  });
}

test.run();
