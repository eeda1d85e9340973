import { assert, suite } from "../support/suite.ts";
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

test.run();
