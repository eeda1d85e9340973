import { globSync } from "node:fs";
import { join } from "node:path";
import { BROWSER_MODULES } from "../../src/console/assets.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("console/assets");

test("the list of modules is what the folder of the pages has", () => {
  const found = globSync("**/*.ts", { cwd: join(import.meta.dirname, "../../src/console/browser") });
  const modules = found.filter((path) => !path.endsWith(".d.ts")).map((path) => path.replace(/\.ts$/, ""));
  assert.equal([...BROWSER_MODULES].sort(), modules.sort());
});

test.run();
