import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { JsonSchema } from "../../schema/json-schema.ts";
import { isObject } from "../../validation/json-numbers.ts";

/** Makes hosts send an argument as a header of HTTP, too. */
const PARAMETER_HEADER = "x-mcp-header";
/** Keywords whose value has a schema for each name. */
const BY_NAME: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "dependentSchemas",
  "$defs",
  "definitions",
]);
/** Keywords whose value is data. */
const DATA: ReadonlySet<string> = new Set(["const", "default", "enum", "examples"]);

/**
 * The schema as the bridge lists it. A schema that an MCP server wrote loses the keyword `x-mcp-header`: the bridge needs
 * no argument as a header, and if it listed the keyword, it would have to check these headers. `true` and `false` as the
 * schemas of properties become objects that mean the same, because MCP before 2026-07-28 allows no others, and hosts may
 * refuse the whole list.
 */
export function listedSchema(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema).filter(([keyword]) => keyword !== PARAMETER_HEADER);
  return Object.fromEntries(
    kept.map(([keyword, value]) => {
      if (DATA.has(keyword)) return [keyword, value];
      return [keyword, BY_NAME.has(keyword) && isObject(value) ? byName(value) : inside(value)];
    }),
  );
}

function byName(schemas: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      if (typeof schema === "boolean") return [name, schema ? {} : { not: {} }];
      return [name, inside(schema)];
    }),
  );
}

function inside(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(inside);
  return isObject(value) ? listedSchema(value) : value;
}
