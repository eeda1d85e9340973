import { listedSchema } from "../../../src/mcp/bridge/listed-schema.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/bridge/listed-schema");

test("x-mcp-header is gone from every schema inside", () => {
  const region = { type: "string", "x-mcp-header": "Region" };
  const schema = {
    type: "object",
    properties: { region, list: { items: region } },
    $defs: { region },
    allOf: [{ properties: { region } }],
  };
  const plain = { type: "string" };
  assert.equal(listedSchema(schema), {
    type: "object",
    properties: { region: plain, list: { items: plain } },
    $defs: { region: plain },
    allOf: [{ properties: { region: plain } }],
  });
});

test("an argument of that name, and data that hold it, stay", () => {
  const schema = {
    properties: { "x-mcp-header": { type: "string" }, other: { const: { "x-mcp-header": 1 } } },
    required: ["x-mcp-header"],
    default: { "x-mcp-header": "a" },
  };
  assert.equal(listedSchema(schema), schema);
});

test("true and false as schemas of properties are objects, also inside; other booleans stay", () => {
  const schema = {
    properties: { any: true, none: false, in: { properties: { any: true }, additionalProperties: false } },
    additionalProperties: true,
  };
  assert.equal(listedSchema(schema), {
    properties: { any: {}, none: { not: {} }, in: { properties: { any: {} }, additionalProperties: false } },
    additionalProperties: true,
  });
});

test.run();
