import { assert, suite } from "../support/suite.ts";
import { codeOnly, sourceFiles } from "./source-files.ts";

const test = suite("architecture/ambient");

/** What a file outside src/runtime and src/cli is given and must not reach for. */
const AMBIENT: Readonly<Record<string, RegExp>> = {
  "the clock": /\bDate\.now\(|\bnew Date\(\)|\bperformance\.|\bprocess\.hrtime\b|\bset(?:Timeout|Interval)\(/,
  randomness: /\bMath\.random\(|\brandom(?:Bytes|UUID|Int|FillSync)\(|\bgetRandomValues\(/,
  "the environment": /\bprocess\.(?:env|argv|exit|stdin|stdout|stderr|cwd)\b/,
  "the console": /\bconsole\./,
};

/** The pages of the console run in a browser, and have a clock of their own in one file. */
const BROWSER_CLOCK = "src/console/browser/clock.ts";

const files = sourceFiles("src").filter(
  ({ path }) => !/^src\/(?:runtime|cli|codegen)\//.test(path) && path !== BROWSER_CLOCK,
);

for (const [name, pattern] of Object.entries(AMBIENT)) {
  test(`only src/runtime and src/cli touch ${name}`, () => {
    const uses = files.flatMap(({ path, text }) =>
      codeOnly(text)
        .split("\n")
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
    assert.equal(uses, []);
  });
}

test("nothing needs a newer Node than the lowest that the package takes", () => {
  const newer = /\b(?:Async)?DisposableStack\b|\bPromise\.try\b|\bRegExp\.escape\b|\bError\.isError\b/;
  const uses = sourceFiles("src").filter(({ text }) => newer.test(codeOnly(text)));
  assert.equal(
    uses.map(({ path }) => path),
    [],
  );
});

test.run();
