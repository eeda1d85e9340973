import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withNewestResult } from "../../bench/report/readme-section.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("docs/bench");

test("the README shows the result in bench/results, as npm run bench writes it", () => {
  const readme = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");
  assert.equal(withNewestResult(readme), readme);
});

test.run();
