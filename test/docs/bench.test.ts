import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PAGES, withNewestResult } from "../../bench/report/page-section.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("docs/bench");

for (const [name, { page }] of Object.entries(PAGES)) {
  test(`${page} shows the result of ${name} in bench/results, as npm run bench writes it`, () => {
    const text = readFileSync(join(import.meta.dirname, "..", "..", page), "utf8");
    assert.equal(withNewestResult(text, name), text);
  });
}

test.run();
