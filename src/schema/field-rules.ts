import {
  type DescExtension,
  type DescField,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { FieldRulesSchema, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { isObject } from "../validation/json-numbers.ts";

/** The rules of a field as the ProtoJSON of `buf.validate.FieldRules`. */
export function rulesOf(field: DescField | DescExtension): JsonObject {
  return hasOption(field, fieldRules) ? (toJson(FieldRulesSchema, getOption(field, fieldRules)) as JsonObject) : {};
}

/** The type-specific rules, such as those in `int32`. */
export function typeRules(rules: JsonObject): JsonObject {
  const typed = Object.values(rules).find(isObject);
  return typed ?? {};
}

/** Pairs of rules for a minimum and a maximum, with their unit. */
const RANGES: readonly (readonly [least: string, most: string, unit: string])[] = [
  ["gte", "lte", ""],
  ["minLen", "maxLen", " characters"],
  ["minBytes", "maxBytes", " bytes"],
  ["minItems", "maxItems", " items"],
  ["minPairs", "maxPairs", " entries"],
];

/** Phrases for rules. Other rules are shown by name. */
const PHRASES: Readonly<Record<string, (value: string) => string>> = {
  const: (value) => `exactly ${value}`,
  len: (value) => `exactly ${value} characters`,
  lenBytes: (value) => `exactly ${value} bytes`,
  gt: (value) => `above ${value}`,
  lt: (value) => `below ${value}`,
  in: (value) => `one of ${value}`,
  notIn: (value) => `none of ${value}`,
  prefix: (value) => `begins with ${value}`,
  suffix: (value) => `ends with ${value}`,
  contains: (value) => `contains ${value}`,
  notContains: (value) => `does not contain ${value}`,
  definedOnly: () => "a known value",
  ltNow: () => "in the past",
  gtNow: () => "in the future",
  within: (value) => `within ${value} of now`,
};

/** A phrase for each rule of a field. `rules` has the form of {@link rulesOf}. */
export function rulePhrases(rules: JsonObject): string[] {
  const said = new Set(["required", "example", "ignore"]);
  const phrases = rules.required === true ? ["required"] : [];
  for (const [least, most, unit] of RANGES) {
    const phrase = rangePhrase(rules[least], rules[most], unit);
    if (phrase === undefined) continue;
    phrases.push(phrase);
    said.add(least).add(most);
  }
  const others = Object.entries(rules).filter(([name]) => !said.has(name));
  return [...phrases, ...others.flatMap(([name, value]) => phrasesOf(name, value))];
}

function rangePhrase(least: JsonValue | undefined, most: JsonValue | undefined, unit: string): string | undefined {
  if (least === undefined && most === undefined) return undefined;
  if (most === undefined) return `${say(least)}${unit} or more`;
  if (least === undefined) return `at most ${say(most)}${unit}`;
  return least === most ? `exactly ${say(least)}${unit}` : `${say(least)} to ${say(most)}${unit}`;
}

function phrasesOf(name: string, value: JsonValue): string[] {
  if (name === "cel" && Array.isArray(value)) return value.filter(isObject).map(celText);
  if (name === "celExpression" && Array.isArray(value)) return value.map(String);
  if (name === "pattern") return [`matches ${String(value)}`];
  if (name === "items" || name === "keys" || name === "values") {
    const phrases = isObject(value) ? rulePhrases(value) : [];
    const each = { items: "each", keys: "each key", values: "each value" }[name];
    return phrases.length === 0 ? [] : [`${each} ${phrases.join(", ")}`];
  }
  // Type-specific rules are nested under the type's name.
  if (isObject(value)) return rulePhrases(name === "bytes" ? lengthsInBytes(value) : value);
  const phrase = PHRASES[name];
  if (phrase !== undefined) return value === false ? [] : [phrase(say(value))];
  const words = name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return value === true ? [words] : value === false ? [] : [`${words} ${say(value)}`];
}

/** Rules of bytes, with lengths under the names that those of strings have for a number of bytes. */
function lengthsInBytes({ len, minLen, maxLen, ...others }: JsonObject): JsonObject {
  const lengths = { lenBytes: len, minBytes: minLen, maxBytes: maxLen };
  const set = Object.entries(lengths).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
  return { ...Object.fromEntries(set), ...others };
}

function celText({ message, expression, id }: JsonObject): string {
  return String(message || expression || id);
}

function say(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return value.map(say).join(", ");
  return typeof value === "string" && !/^-?\d+(?:\.\d+)?s?$/.test(value) ? JSON.stringify(value) : String(value);
}
