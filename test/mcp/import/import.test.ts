import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tool } from "@modelcontextprotocol/client";
import { contractText } from "../../../src/mcp/import/imported-contract.ts";
import { builtinDescriptorSet, type Image, readImage } from "../../../src/wire/descriptors.ts";
import { buildDescriptors } from "../../support/build-descriptors.ts";
import { assert, suite } from "../../support/suite.ts";

/* Typed contracts that are made from the JSON Schemas of tools. */
const test = suite("mcp/import");

const SCHEMA = {
  type: "object",
  description: "Everything that a schema may say.",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 9, description: "A name.\nOf two lines. */ // \u2028 option" },
    "max-results": { type: "integer", minimum: 0, maximum: 100, default: 10 },
    maxResults: { type: "integer", exclusiveMinimum: 0 },
    ratio: { type: "number", minimum: 0.5, multipleOf: 0.1 },
    color: { enum: ["red", 'dark "blue"'] },
    mode: { const: "fast" },
    isDry: { type: ["boolean", "null"] },
    code: { type: "string", pattern: "^(?=a)b", format: "uuid" },
    digits: { type: "string", pattern: "^\\d+$" },
    tags: { type: "array", items: { type: "string", maxLength: 3 }, minItems: 1, uniqueItems: true },
    grid: { type: "array", items: { type: "array", items: { type: "number" } } },
    labels: { type: "object", additionalProperties: { type: "string", maxLength: 5 } },
    free: { type: "object" },
    either: { anyOf: [{ type: "string" }, { type: "number" }] },
    place: { $ref: "#/$defs/place" },
    places: { type: "array", items: { $ref: "#/$defs/place" } },
    tree: { $ref: "#/$defs/tree" },
    far: { $ref: "https://example.com/schema.json" },
    $odd: { type: "string" },
    日本: { type: "string" },
    message: { type: "string" },
    2024: { type: "boolean" },
  },
  required: ["name", "tags", "place", "isDry"],
  additionalProperties: false,
  $defs: {
    place: { type: "object", properties: { lat: { type: "number" } }, required: ["lat"] },
    tree: { type: "object", properties: { child: { $ref: "#/$defs/tree" } } },
  },
} as const;

const SCHEMAS = { inputSchema: SCHEMA, outputSchema: SCHEMA } as unknown as Pick<Tool, "inputSchema" | "outputSchema">;
const TOOLS: readonly Tool[] = [
  {
    name: "search.all",
    title: 'A "title"',
    description: "Searches.\n\nA lot.",
    ...SCHEMAS,
  },
  { name: "search_all", inputSchema: { type: "object" } },
];

const text = contractText(TOOLS, { names: ["s_search_all", "s_other"], service: "Search", packageName: "search.v1" });

function compiled(): Image {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-import-"));
  try {
    writeFileSync(join(folder, "search.proto"), text);
    return readImage(builtinDescriptorSet(), buildDescriptors(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a contract with everything that a schema may say compiles, and keeps the names of its properties", () => {
  const request = compiled().registry.getMessage("search.v1.SearchAllRequest");
  const names = new Set(request?.fields.map(({ jsonName }) => jsonName));
  assert.equal([...names].sort(), Object.keys(SCHEMA.properties).sort());
  const service = compiled().registry.getService("search.v1.SearchToolService");
  assert.equal(
    service?.methods.map(({ name }) => name),
    ["SearchAll", "SearchAll_2"],
  );
});

/** The lines of the field with this name, with its comment. */
function field(name: string): string {
  const [request = ""] = text.slice(text.indexOf("message SearchAllRequest")).split("\n}\n");
  const found = new RegExp(
    `((?:  //[^\\n]*\\n)+)(  [^/\\n]* ${name} = \\d+(?:;| \\[[^\\]]*(?:\\[[^\\]]*\\])?[^\\]]*\\];))`,
  ).exec(request);
  return found?.[0] ?? "";
}

test("types and rules are those of the schema where protovalidate has the same", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    name: ["optional string", "string.min_len = 1", "string.max_len = 9", ".required = true"],
    max_results: ["optional int32", "int32.gte = 0", "int32.lte = 100", 'json_name = "max-results"', "Default: 10."],
    max_results_2: ["optional int64", "int64.gt = 0", 'json_name = "maxResults"'],
    ratio: ["optional double", "double.gte = 0.5", "Not mapped: multipleOf 0.1."],
    color: ["optional string", 'string.in = "red"', 'string.in = "dark \\"blue\\""'],
    mode: ['string.const = "fast"'],
    is_dry: ["optional bool", ".required = true"],
    code: ["optional string", 'Not mapped: pattern "^(?=a)b"; format "uuid".'],
    digits: ['string.pattern = "^\\\\d+$"'],
    tags: ["repeated string", "repeated.min_items = 1", "repeated.unique = true", "repeated.items.string.max_len = 3"],
    grid: ["google.protobuf.ListValue"],
    labels: ["map<string, string>", "map.values.string.max_len = 5"],
    free: ["google.protobuf.Struct"],
    either: ["google.protobuf.Value", "Not mapped: anyOf"],
    place: ["Place place", ".required = true"],
    places: ["repeated Places places"],
    far: ['Not mapped: $ref "https://example.com/schema.json".'],
  };
  for (const [name, parts] of Object.entries(cases)) {
    const found = field(name);
    for (const part of parts) assert.ok(found.includes(part), `${name}: ${found}`);
  }
});

test("a text of the server stays a comment", () => {
  assert.match(text, "// A name.\n  // Of two lines. */ // option\n");
  assert.match(text, 'title: "A \\"title\\""');
  assert.match(text, "  // Searches.\n  //\n  // A lot.\n");
});

test.run();
