import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../validation/json-numbers.ts";
import { rulePhrases } from "./field-rules.ts";

/** Separates the rules of a value's type, such as `int32`, from the others. */
export function splitRules(rules: JsonValue | undefined): {
  readonly kind: string;
  readonly typed: JsonObject;
  readonly others: JsonObject;
} {
  const entries = Object.entries(isObject(rules) ? rules : {});
  const [kind = "", typed] = entries.find(([, value]) => isObject(value)) ?? [];
  const others = Object.fromEntries(entries.filter(([name]) => name !== kind && name !== "ignore"));
  return { kind, typed: isObject(typed) ? typed : {}, others };
}

/** True for rules that an empty value need not satisfy. */
export function isConditional(rules: JsonValue | undefined): rules is JsonObject {
  return isObject(rules) && rules.ignore === "IGNORE_IF_ZERO_VALUE";
}

/** What to say of rules for which {@link isConditional} is true. */
export function conditionalTexts({ ignore: _isSaid, ...rules }: JsonObject): string[] {
  return ruleTexts(rules).map((text) => text.replace(/^Rules:/, "Rules, unless it is empty:"));
}

/** Puts texts together, a line each. Empty ones are left out. */
export function textOf(texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join("\n");
}

/** Rules in words, as a sentence or none. */
export function ruleTexts(rules: JsonObject): string[] {
  const phrases = rulePhrases(rules);
  return phrases.length === 0 ? [] : [`Rules: ${phrases.join("; ")}.`];
}
