import { assert, suite } from "../support/suite.ts";
import { publicFunctions } from "./doc-examples.ts";
import { sourceFiles } from "./source-files.ts";

const test = suite("architecture/doc-comments");

const DECLARATION = /^export (?:abstract |async )*(?:function\*?|class|interface|type|const) (\w+)/;

test("every exported declaration has a doc comment", () => {
  const bare = sourceFiles("src").flatMap(({ path, text }) => {
    const lines = text.split("\n");
    const names = new Set<string>();
    return lines.flatMap((line, index) => {
      const name = DECLARATION.exec(line)?.[1];
      // The implementation of an overloaded function follows its documented signatures.
      if (name === undefined || names.has(name)) return [];
      names.add(name);
      let above = index - 1;
      while (lines[above]?.startsWith("// biome-ignore")) above -= 1;
      return lines[above]?.endsWith("*/") ? [] : [`${path}:${index + 1}: ${name}`];
    });
  });
  assert.equal(bare, []);
});

test("every public function and class has an example of at most eight lines", () => {
  const functions = publicFunctions();
  assert.ok(functions.length > 40);
  const faults = functions.flatMap(({ name, path, example }) => {
    if (example === undefined) return [`${path}: ${name} has no @example`];
    const lines = example.trimEnd().split("\n").length;
    return lines > 8 ? [`${path}: the example of ${name} has ${lines} lines`] : [];
  });
  assert.equal(faults, []);
});

test.run();
