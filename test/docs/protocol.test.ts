import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { workedExample } from "./worked-example.ts";

const test = suite("docs/protocol");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "protocol.md"), "utf8");
const { texts, bytes } = workedExample();

/** The page's hex lines joined, so that it does not matter where a value is broken. */
const hexOnPage = page
  .split("\n")
  .map((line) => (/^[0-9a-f]{2,64}$/.test(line) ? line : "\n"))
  .join("");

for (const [name, text] of Object.entries(texts)) {
  test(`the worked example shows the ${name} that our code computes`, () => {
    assert.ok(page.includes(`"${name}": "${text}"`), `expected "${name}": "${text}"`);
  });
}

for (const [name, value] of Object.entries(bytes)) {
  if (name === "server secret") continue;
  test(`the worked example shows the ${name} that our code computes`, () => {
    const hex = Buffer.from(value).toString("hex");
    assert.ok(hexOnPage.split("\n").includes(hex), `expected ${hex.replace(/.{64}(?=.)/g, "$&\n")}`);
    if (value.length !== 32) assert.match(page, new RegExp(`^${name}.* \\(${value.length} bytes\\)`, "m"));
  });
}

test.run();
