import { withoutParameterHeaders } from "../../../src/mcp/bridge/parameter-headers.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/bridge/parameter-headers");

test("the keyword is gone from every schema inside", () => {
  const region = { type: "string", "x-mcp-header": "Region" };
  const schema = {
    type: "object",
    properties: { region, list: { items: region } },
    $defs: { region },
    allOf: [{ properties: { region } }],
  };
  const plain = { type: "string" };
  assert.equal(withoutParameterHeaders(schema), {
    type: "object",
    properties: { region: plain, list: { items: plain } },
    $defs: { region: plain },
    allOf: [{ properties: { region: plain } }],
  });
});

test("an argument of that name, and data that hold it, stay", () => {
  const schema = {
    properties: { "x-mcp-header": { type: "string" }, __proto__x: { const: { "x-mcp-header": 1 } } },
    required: ["x-mcp-header"],
    default: { "x-mcp-header": "a" },
  };
  assert.equal(withoutParameterHeaders(schema), schema);
});

test.run();
