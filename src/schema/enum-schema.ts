import type { DescEnum, DescEnumValue, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../validation/json-numbers.ts";
import { type Direction, type JsonSchema, oneOfValues } from "./json-schema.ts";
import type { RuledSchema, ValueRules } from "./number-schema.ts";

/** Number of values up to which their comments are given. */
const MOST_EXPLAINED = 30;
const NULL_VALUE = "google.protobuf.NullValue";

/** The schema of an enum by its rules: names. An answer may have the number of a value that the contract lacks. */
export function enumSchema(type: DescEnum, direction: Direction, { rules, isRequired }: ValueRules): RuledSchema {
  if (type.typeName === NULL_VALUE) return { schema: { type: "null" }, unsaid: rules };
  if (direction === "output") return { schema: outputEnum(type), unsaid: rules };
  const { const: only, in: among, notIn, definedOnly: _isSaid, ...unsaid } = rules;
  const allows = (number: number): boolean =>
    (only === undefined || only === number) &&
    (!Array.isArray(among) || among.length === 0 || among.includes(number)) &&
    !(Array.isArray(notIn) && notIn.includes(number)) &&
    !(isRequired && number === 0);
  const values = type.values.filter(({ number }) => allows(number));
  // Rules may leave only numbers that have no name.
  if (values.length === 0)
    return { schema: { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }, unsaid: rules };
  return { schema: named(values), unsaid };
}

/** The first paragraph of the comment of each value that a schema names, one on a line. */
export function valueComments(type: DescEnum, schema: JsonSchema, commentOf: (value: DescEnumValue) => string): string {
  const names = namesIn(schema);
  if (type.typeName.startsWith("google.") || names.length > MOST_EXPLAINED) return "";
  const lines = type.values
    .filter(({ jsonName }) => names.includes(jsonName))
    .map((value) => ({ name: value.jsonName, comment: commentOf(value).split("\n")[0] ?? "" }));
  return lines.flatMap(({ name, comment }) => (comment === "" ? [] : [`${name}: ${comment}`])).join("\n");
}

/** The names that the schema of an enum allows. */
function namesIn({ enum: names, anyOf }: JsonSchema): readonly JsonValue[] {
  if (Array.isArray(names)) return names;
  return Array.isArray(anyOf) ? anyOf.flatMap((each) => (isObject(each) ? namesIn(each) : [])) : [];
}

/** True if the zero of an enum breaks a rule. */
export function refusesZero(type: DescEnum, { const: only, in: among, notIn }: JsonObject): boolean {
  const zero = type.values[0]?.number ?? 0;
  if (only !== undefined && only !== zero) return true;
  if (Array.isArray(among) && among.length > 0 && !among.includes(zero)) return true;
  return Array.isArray(notIn) && notIn.includes(zero);
}

function named(values: readonly DescEnumValue[]): JsonSchema {
  return oneOfValues("string", [...new Set(values.map(({ jsonName }) => jsonName))]);
}

function outputEnum(type: DescEnum): JsonSchema {
  const names = named(type.values);
  return type.open ? { anyOf: [names, { type: "integer" }] } : names;
}
