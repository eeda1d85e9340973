import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Direction, type JsonSchema, withConditions } from "./json-schema.ts";
import type { RuledSchema, ValueRules } from "./number-schema.ts";
import { BASE64, isPortable, literalPattern } from "./text-patterns.ts";

/** Conditions for the well-known forms of a string that JSON Schema has, too. */
const FORMS: Readonly<Record<string, JsonSchema>> = {
  email: { format: "email" },
  hostname: { format: "hostname" },
  ip: { anyOf: [{ format: "ipv4" }, { format: "ipv6" }] },
  ipv4: { format: "ipv4" },
  ipv6: { format: "ipv6" },
  protobufFqn: { pattern: "^[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*$" },
  protobufDotFqn: { pattern: "^(?:\\.[A-Za-z_][A-Za-z0-9_]*)+$" },
  tuuid: { pattern: "^[0-9a-fA-F]{32}$" },
  ulid: { pattern: "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$" },
  uri: { format: "uri" },
  uriRef: { format: "uri-reference" },
  uuid: { format: "uuid" },
};

/** The schema of a string by its rules. Characters are counted alike in both: by code points. */
export function textSchema(direction: Direction, { rules, isRequired }: ValueRules): RuledSchema {
  if (direction === "output") return { schema: { type: "string" }, unsaid: rules };
  const { len, minLen, maxLen, const: only, in: among, notIn, prefix, suffix, contains, ...rest } = rules;
  const { pattern, notContains, lenBytes, minBytes, maxBytes, ...others } = rest;
  const conditions: JsonSchema[] = [];
  if (only !== undefined) conditions.push({ enum: [only] });
  if (Array.isArray(among) && among.length > 0) conditions.push({ enum: among });
  // A character has 1 to 4 bytes.
  const least = Math.max(numberOf(len ?? minLen, 0), Math.ceil(numberOf(lenBytes ?? minBytes, 0) / 4));
  const most = Math.min(numberOf(len ?? maxLen), numberOf(lenBytes ?? maxBytes));
  conditions.push(lengths(isRequired ? Math.max(1, least) : least, most));
  if (typeof prefix === "string") conditions.push({ pattern: `^${literalPattern(prefix)}` });
  if (typeof suffix === "string") conditions.push({ pattern: `${literalPattern(suffix)}$` });
  if (typeof contains === "string") conditions.push({ pattern: literalPattern(contains) });
  const isSaid = typeof pattern === "string" && isPortable(pattern);
  if (isSaid) conditions.push({ pattern });
  if (Array.isArray(notIn) && notIn.length > 0) conditions.push({ not: { enum: notIn } });
  if (typeof notContains === "string") conditions.push({ not: { pattern: literalPattern(notContains) } });
  for (const [form, condition] of Object.entries(FORMS)) if (others[form] === true) conditions.push(condition);
  const forms = Object.keys(FORMS);
  return {
    schema: withConditions({ type: "string" }, conditions),
    unsaid: {
      ...Object.fromEntries(Object.entries(others).filter(([name]) => !forms.includes(name))),
      ...(!isSaid && pattern !== undefined && { pattern }),
      ...present({ lenBytes, minBytes, maxBytes }),
    },
  };
}

/** The schema of bytes in base64 by their rules. Lengths are only said to the next group of 4 characters. */
export function bytesSchema(direction: Direction, { rules, isRequired }: ValueRules): RuledSchema {
  const base: JsonSchema = { type: "string", contentEncoding: "base64" };
  if (direction === "output") return { schema: base, unsaid: rules };
  const { const: only, in: among, notIn, ...others } = rules;
  const { len, minLen, maxLen } = rules;
  const conditions: JsonSchema[] = [];
  if (only !== undefined) conditions.push({ enum: [only] });
  if (Array.isArray(among) && among.length > 0) conditions.push({ enum: among });
  if (conditions.length === 0) conditions.push({ pattern: BASE64 });
  if (Array.isArray(notIn) && notIn.length > 0) conditions.push({ not: { enum: notIn } });
  const least = Math.max(numberOf(len ?? minLen, 0), isRequired ? 1 : 0);
  conditions.push(lengths(4 * Math.ceil(least / 3), 4 * Math.ceil(numberOf(len ?? maxLen) / 3)));
  return { schema: withConditions(base, conditions), unsaid: others };
}

/** True if the empty string breaks a rule. A form that is not known is taken to accept it. */
export function refusesEmpty(rules: JsonObject): boolean {
  const { const: only, in: among, notIn, pattern } = rules;
  const sizes = [rules.len, rules.minLen, rules.lenBytes, rules.minBytes];
  const parts = [rules.prefix, rules.suffix, rules.contains];
  if (sizes.some((size) => numberOf(size, 0) > 0)) return true;
  if (parts.some((part) => typeof part === "string" && part !== "")) return true;
  if (only !== undefined && only !== "") return true;
  if (Array.isArray(among) && among.length > 0 && !among.includes("")) return true;
  if (Array.isArray(notIn) && notIn.includes("")) return true;
  if (Object.keys(FORMS).some((form) => form !== "uriRef" && rules[form] === true)) return true;
  return typeof pattern === "string" && isPortable(pattern) && !new RegExp(pattern, "u").test("");
}

function lengths(least: number, most: number): JsonSchema {
  return { ...(least > 0 && { minLength: least }), ...(Number.isFinite(most) && { maxLength: most }) };
}

/** A size in the rules, which is a text there. */
function numberOf(value: JsonValue | undefined, unset: number = Number.POSITIVE_INFINITY): number {
  return value === undefined ? unset : Number(value);
}

function present(rules: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(rules).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}
