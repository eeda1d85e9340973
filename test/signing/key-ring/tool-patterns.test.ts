import fc from "fast-check";
import { compileToolPatterns } from "../../../src/signing/key-ring/tool-patterns.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("signing/key-ring/tool-patterns");

test("a pattern without a star is one tool's whole name", () => {
  const allows = compileToolPatterns(["batch_sum"]);
  assert.ok(allows("batch_sum"));
  assert.not.ok(allows("batch_sums"));
  assert.not.ok(allows("my_batch_sum"));
});

test("a star stands for any run of characters, also none", () => {
  const allows = compileToolPatterns(["batch_*", "*_v2", "get_*_by_*"]);
  for (const tool of ["batch_", "batch_sum", "sum_v2", "get_user_by_id", "get__by_"]) assert.ok(allows(tool), tool);
  for (const tool of ["batch", "sum_v22", "get_by_id", "get_user"]) assert.not.ok(allows(tool), tool);
});

test("parts of a pattern do not overlap in the name", () => {
  assert.not.ok(compileToolPatterns(["ab*ba"])("aba"));
  assert.not.ok(compileToolPatterns(["*aa*a"])("aa"));
});

test("a lone star allows every tool, an empty list none", () => {
  assert.ok(compileToolPatterns(["*"])("anything"));
  assert.not.ok(compileToolPatterns([])("anything"));
});

test("characters that mean something in a regular expression mean themselves", () => {
  assert.not.ok(compileToolPatterns(["a.c"])("abc"));
  assert.not.ok(compileToolPatterns(["a|*"])("b"));
});

test("agrees with the same pattern as a regular expression", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 6 });
  fc.assert(
    fc.property(pattern, letters, (glob, tool) => {
      const expression = new RegExp(`^${glob.replaceAll("*", ".*")}$`);
      assert.is(compileToolPatterns([glob])(tool), expression.test(tool), `${glob} on ${tool}`);
    }),
    { numRuns: 2000 },
  );
});

test("a pattern full of stars is decided without backtracking", () => {
  const allows = compileToolPatterns([`${"*a".repeat(60)}*b`]);
  assert.not.ok(allows("a".repeat(128)));
});

test.run();
