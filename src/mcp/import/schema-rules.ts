import type { JsonSchema } from "./json-schema.ts";

/** Rules of protovalidate by their path, for example "string.min_len", with the literals of their values. */
export type Rules = ReadonlyMap<string, readonly string[]>;

/** The rules of protovalidate that say the same as keywords of a schema, and the keywords without such a rule. */
export interface MappedRules {
  readonly rules: Rules;
  readonly unmapped: readonly string[];
}

interface RuleKeyword {
  readonly keyword: string;
  readonly rule: string;
  /** `undefined` if the rule cannot say it. */
  readonly value: (given: unknown) => string | readonly string[] | undefined;
}

/** Constructs of regular expressions that RE2, which protovalidate uses, does not have. */
const NOT_IN_RE2 = /\(\?[=!<]|\\[1-9]|\\[kuc]/;

const count = (given: unknown): string | undefined =>
  Number.isSafeInteger(given) && (given as number) >= 0 ? String(given) : undefined;
const pattern = (given: unknown): string | undefined =>
  typeof given === "string" && !NOT_IN_RE2.test(given) ? quoted(given) : undefined;
const flag = (given: unknown): string | undefined => (given === true ? "true" : undefined);
const text = (given: unknown): string | undefined => (typeof given === "string" ? quoted(given) : undefined);
const listOf =
  (one: (given: unknown) => string | undefined) =>
  (given: unknown): readonly string[] | undefined => {
    const each = Array.isArray(given) ? given.map(one).filter((value) => value !== undefined) : [];
    return Array.isArray(given) && each.length === given.length && each.length > 0 ? each : undefined;
  };

const STRING: readonly RuleKeyword[] = [
  { keyword: "minLength", rule: "string.min_len", value: count },
  { keyword: "maxLength", rule: "string.max_len", value: count },
  { keyword: "pattern", rule: "string.pattern", value: pattern },
  { keyword: "enum", rule: "string.in", value: listOf(text) },
  { keyword: "const", rule: "string.const", value: text },
];
const LIST: readonly RuleKeyword[] = [
  { keyword: "minItems", rule: "repeated.min_items", value: count },
  { keyword: "maxItems", rule: "repeated.max_items", value: count },
  { keyword: "uniqueItems", rule: "repeated.unique", value: flag },
];
const MAP: readonly RuleKeyword[] = [
  { keyword: "minProperties", rule: "map.min_pairs", value: count },
  { keyword: "maxProperties", rule: "map.max_pairs", value: count },
];

/** Keywords that are mapped elsewhere, or that restrict nothing. */
const WITHOUT_RULE: ReadonlySet<string> = new Set([
  ...["type", "title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions"],
  ...["properties", "required", "items", "additionalProperties", "deprecated", "readOnly", "writeOnly"],
]);

/** The rules for a value of a type of protobuf. */
export function rulesOf(schema: JsonSchema, type: string): MappedRules {
  const keywords = keywordsFor(type);
  const rules = new Map<string, readonly string[]>();
  const unmapped: string[] = [];
  for (const [keyword, given] of Object.entries(schema)) {
    if (WITHOUT_RULE.has(keyword)) continue;
    const known = keywords.find((each) => each.keyword === keyword);
    const value = known?.value(given);
    if (known === undefined || value === undefined) unmapped.push(`${keyword} ${shortJson(given)}`);
    else rules.set(known.rule, [value].flat());
  }
  return { rules, unmapped };
}

function keywordsFor(type: string): readonly RuleKeyword[] {
  if (type === "string") return STRING;
  if (type === "repeated") return LIST;
  if (type === "map") return MAP;
  return type === "double" || type === "int32" || type === "int64" ? numberKeywords(type) : [];
}

function numberKeywords(type: "double" | "int32" | "int64"): readonly RuleKeyword[] {
  const number = (given: unknown): string | undefined => {
    if (typeof given !== "number") return undefined;
    return type === "double" || Number.isSafeInteger(given) ? String(given) : undefined;
  };
  return [
    { keyword: "minimum", rule: `${type}.gte`, value: number },
    { keyword: "maximum", rule: `${type}.lte`, value: number },
    { keyword: "exclusiveMinimum", rule: `${type}.gt`, value: number },
    { keyword: "exclusiveMaximum", rule: `${type}.lt`, value: number },
    { keyword: "enum", rule: `${type}.in`, value: listOf(number) },
    { keyword: "const", rule: `${type}.const`, value: number },
  ];
}

/** A text as a literal of the proto language. */
export function quoted(value: string): string {
  return JSON.stringify(value.toWellFormed()).replaceAll(/[\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function shortJson(value: unknown): string {
  const json = JSON.stringify(value) ?? "";
  return json.length > 120 ? `${json.slice(0, 119)}…` : json;
}
