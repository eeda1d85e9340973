import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../architecture/source-files.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("docs/architecture");

const page = readFileSync(join(ROOT, "docs", "architecture.md"), "utf8");

test("every file and folder that the page names is there", () => {
  const named = [...page.matchAll(/`((?:src|test|gen|proto)\/[\w./-]*)`/g)].map(([, path = ""]) => path);
  assert.ok(named.length > 40);
  assert.equal(
    named.filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
});

test("every step of a way is defined in the files beside it", () => {
  const rows = [...page.matchAll(/^\| \d+ \| `(\w+)` \| ([^|]+) \|/gm)];
  assert.is(rows.length, 26);
  for (const [, name = "", files = ""] of rows) {
    const definition = new RegExp(`^(?:export )?(?:async )?(?:function )? *(?:async )?${name}\\(`, "m");
    for (const [, file = ""] of files.matchAll(/`([^`]+)`/g))
      assert.match(readFileSync(join(ROOT, file), "utf8"), definition, `${name} in ${file}`);
  }
});

test("the picture has the folders of the table", () => {
  const picture = readFileSync(join(ROOT, "docs", "architecture.svg"), "utf8");
  const table = page.slice(page.indexOf("| folder |"), page.indexOf("`gen/` is generated"));
  const folders = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`(src\/[\w./-]+)`/g)].map(([, folder]) => folder),
  );
  const drawn = folders.filter((folder) => folder !== "src/codegen/");
  assert.ok(drawn.length > 12);
  assert.equal(
    drawn.filter((folder) => !picture.includes(`>${folder}<`)),
    [],
  );
});

test.run();
