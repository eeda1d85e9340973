import { fieldPath, SchemaCompiler, SchemaRefused } from "../../../src/mcp/servers/args-schema.ts";
import { loadAjv } from "../../../src/mcp/servers/packages.ts";
import { OutOfTime, withinTime } from "../../../src/mcp/servers/within-time.ts";
import { assert, suite } from "../../support/suite.ts";

/* JSON Schemas of others. */
const test = suite("mcp/servers/args-schema");

const compiler = new SchemaCompiler(await loadAjv());
const faults = (schema: object, args: unknown, bytes = 10) =>
  compiler
    .compile(JSON.stringify(schema))(args, bytes)
    ?.violations.map(({ field, message }) => `${field} ${message}`);
const refusal = (schema: object): string => {
  try {
    compiler.compile(JSON.stringify(schema));
  } catch (thrown) {
    if (thrown instanceof SchemaRefused) return thrown.message;
  }
  return "";
};

test("paths are those of violations", () => {
  assert.is(fieldPath(""), "arguments");
  assert.is(fieldPath("/paths/0/a b/x~1y"), 'arguments.paths[0]["a b"]["x/y"]');
});

test("drafts 6 and 7 and those since 2019 are understood, and older ones refused", () => {
  const tuple = { type: "object", properties: { at: { type: "array", items: [{ type: "number" }] } } };
  assert.equal(faults({ $schema: "http://json-schema.org/draft-07/schema#", ...tuple }, { at: ["x"] }), [
    "arguments.at[0] must be number",
  ]);
  const newer = { properties: { at: { prefixItems: [{ type: "number" }] } } };
  assert.equal(faults({ $schema: "https://json-schema.org/draft/2020-12/schema", ...newer }, { at: ["x"] }), [
    "arguments.at[0] must be number",
  ]);
  assert.match(refusal({ $schema: "http://json-schema.org/draft-03/schema#" }), "dialect");
});

test("a pattern that is only valid without Unicode mode is used", () => {
  assert.equal(faults({ properties: { a: { pattern: "^\\_$" } } }, { a: "x" }), [
    'arguments.a must match pattern "^\\_$"',
  ]);
});

test("ids of two schemas mean nothing to each other, and what is named must be in the schema", () => {
  const schema = {
    $id: "https://a.example/s",
    $defs: { a: { type: "string" } },
    properties: { x: { $ref: "#/$defs/a" } },
  };
  assert.equal(faults(schema, { x: 1 }), ["arguments.x must be string"]);
  assert.equal(faults({ ...schema, $defs: { a: { type: "number" } } }, { x: 1 }), undefined);
  assert.match(refusal({ properties: { x: { $ref: "https://a.example/s" } } }), "can't resolve reference");
});

test("a schema may refer to itself, and a reference without an end is no end of the process", () => {
  const tree = { properties: { name: { type: "string" }, parent: { $ref: "#" } } };
  for (const $schema of ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"]) {
    assert.equal(faults({ $schema, ...tree }, { parent: { parent: { name: 1 } } }), [
      "arguments.parent.parent.name must be string",
    ]);
  }
  assert.match(faults({ allOf: [{ $ref: "#" }] }, {})?.join() ?? "", "cannot be checked");
});

test("neither a regular expression nor a list of equal things takes longer than its time", () => {
  const startedMs = performance.now();
  assert.equal(faults({ properties: { a: { pattern: "^(a+)+$" } } }, { a: `${"a".repeat(50)}!` }), [
    "arguments cannot be checked by the tool's schema within 100 ms",
  ]);
  const list = Array.from({ length: 30_000 }, (_, index) => ({ a: { b: index } }));
  assert.equal(faults({ properties: { a: { uniqueItems: true } } }, { a: list }, 500_000), [
    "arguments cannot be checked by the tool's schema within 100 ms",
  ]);
  assert.ok(performance.now() - startedMs < 10_000);
});

test("code that has its time limit may run within other such code, and its errors are its own", () => {
  assert.is(
    withinTime(1_000, () => withinTime(1_000, () => 1) + 1),
    2,
  );
  assert.throws(() => withinTime(1_000, () => JSON.parse("{")), SyntaxError);
  assert.throws(
    () =>
      withinTime(20, () => {
        for (;;);
      }),
    (thrown: unknown) => thrown instanceof OutOfTime,
  );
});

test.run();
