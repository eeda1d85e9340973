import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { createValidator, type Validator } from "@bufbuild/protovalidate";
import { systemClock } from "../../runtime/clock.ts";
import { HOUR_MS } from "../../runtime/time-span.ts";
import { rulesOf, typeRules } from "../../schema/field-rules.ts";
import { isObject } from "../../validation/json-numbers.ts";
import { commentOf } from "../../wire/comments.ts";
import type { Image } from "../../wire/descriptors.ts";
import { isSpecial } from "./tool-fields.ts";

/** Example arguments of a tool. */
export interface ExampleArguments {
  readonly json: JsonObject;
  /** False if no values were found that satisfy all rules. */
  readonly valid: boolean;
}

/** Maximum depth of nested messages in an example. */
const DEEPEST = 3;
/** Maximum number of items in a list of an example, even if a rule requires more. */
const MOST_ITEMS = 100;
/** Maximum length of a text in an example, even if a rule requires more. */
const LONGEST = 1000;

/** Makes arguments that satisfy the rules of a contract. Each field has the first candidate value that is valid. */
export function exampleArguments(image: Image, desc: DescMessage): ExampleArguments {
  return new ExampleMaker(image).make(desc);
}

class ExampleMaker {
  readonly #image: Image;
  readonly #registry: Registry;
  readonly #validator: Validator;

  constructor(image: Image) {
    this.#image = image;
    this.#registry = image.registry;
    this.#validator = createValidator({ registry: image.registry, legacyRequired: true });
  }

  make(desc: DescMessage): ExampleArguments {
    const json = this.#message(desc, 0);
    return { json, valid: this.#problems(desc, json).length === 0 };
  }

  /** A oneof has its first field with a valid value. */
  #message(desc: DescMessage, depth: number): JsonObject {
    const json: JsonObject = {};
    const taken = new Set<unknown>();
    for (const field of desc.fields) {
      if (field.oneof !== undefined && taken.has(field.oneof)) continue;
      const value = this.#candidates(field, depth).find((each) => this.#fits(field, each));
      if (value === undefined) continue;
      json[field.jsonName] = value;
      taken.add(field.oneof);
    }
    return json;
  }

  #fits(field: DescField, value: JsonValue): boolean {
    return !this.#problems(field.parent, { [field.jsonName]: value }).includes(field.name);
  }

  /** The names of the fields with invalid values; "" for a violation that concerns no single field. */
  #problems(desc: DescMessage, json: JsonObject): string[] {
    try {
      const message = fromJson(desc, json, { registry: this.#registry });
      const { violations = [] } = this.#validator.validate(desc, message);
      return violations.map(({ field: [first] }) => (first?.kind === "field" ? first.name : ""));
    } catch {
      return Object.keys(json).map((name) => desc.fields.find(({ jsonName }) => jsonName === name)?.name ?? "");
    }
  }

  #candidates(field: DescField, depth: number): JsonValue[] {
    const rules = rulesOf(field);
    const own = typeRules(rules);
    if (field.fieldKind === "list") {
      const items = this.#elements(field, isObject(own.items) ? own.items : {}, depth);
      const count = Math.min(Math.max(1, Number(own.minItems ?? 1)), MOST_ITEMS);
      const alike = items.map((item) => Array.from({ length: count }, () => item));
      return own.unique === true ? [items.slice(0, count), ...alike] : alike;
    }
    if (field.fieldKind === "map") {
      const [key = "key"] = scalarCandidates(field.mapKey, isObject(own.keys) ? typeRules(own.keys) : {}, []);
      const values = this.#elements(field, isObject(own.values) ? own.values : {}, depth);
      return values.map((value) => ({ [String(key)]: value }));
    }
    return this.#elements(field, rules, depth);
  }

  /** Candidate values of a field, or of an item of its list or map. */
  #elements(field: DescField, rules: JsonObject, depth: number): JsonValue[] {
    const own = typeRules(rules);
    const given = [...listOf(own.example), ...listOf(own.const), ...listOf(own.in)];
    if (field.scalar !== undefined) {
      const quoted = [...commentOf(this.#image, field).matchAll(/"([^"]+)"/g)].map(([, text = ""]) => text);
      return [...given, ...scalarCandidates(field.scalar, own, [...quoted, field.jsonName])];
    }
    if (field.enum !== undefined) return [...field.enum.values.slice(1), ...field.enum.values].map(({ name }) => name);
    if (field.message === undefined) return given;
    if (isSpecial(field.message)) return [...given, ...specialCandidates(field.message, own)];
    return depth < DEEPEST ? [this.#message(field.message, depth + 1), {}] : [];
  }
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** Candidate values of a scalar, likely ones first. `texts`: candidates for strings. */
function scalarCandidates(scalar: ScalarType, rules: JsonObject, texts: readonly string[]): JsonValue[] {
  switch (scalar) {
    case ScalarType.BOOL:
      return [true, false];
    case ScalarType.STRING:
      return textCandidates(rules, texts);
    case ScalarType.BYTES:
      return sizesOf(rules, "minLen", "len").map((size) => Buffer.alloc(size, "a").toString("base64"));
    default:
      return numberCandidates(rules);
  }
}

/** 1 and numbers near the bounds. */
function numberCandidates({ gt, gte, lt, lte }: JsonObject): JsonValue[] {
  const near = [gte, gt, lte, lt].filter((bound) => bound !== undefined).map(Number);
  const around = near.flatMap((bound) => [bound, bound + 1, bound - 1, bound + 0.001, bound - 0.001]);
  const middle = near.length === 2 ? [((near[0] ?? 0) + (near[1] ?? 0)) / 2] : [];
  return [1, ...around, ...middle, 0, 2, 3, 10, 100, 0.5, -1];
}

/** An example text for each well-known string format. */
const FORMS: Readonly<Record<string, string>> = {
  address: "example.com",
  email: "ann@example.com",
  hostAndPort: "example.com:443",
  hostname: "example.com",
  ip: "192.0.2.1",
  ipPrefix: "192.0.2.0/24",
  ipWithPrefixlen: "192.0.2.1/24",
  ipv4: "192.0.2.1",
  ipv4Prefix: "192.0.2.0/24",
  ipv4WithPrefixlen: "192.0.2.1/24",
  ipv6: "2001:db8::1",
  ipv6Prefix: "2001:db8::/32",
  ipv6WithPrefixlen: "2001:db8::1/32",
  tuuid: "0f8fad5bd9cb469fa16570867728950e",
  ulid: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  uri: "https://example.com/",
  uriRef: "/page",
  uuid: "0f8fad5b-d9cb-469f-a165-70867728950e",
};
/** Texts that match common patterns. */
const COMMON_TEXTS = [
  "a",
  "abc",
  "A",
  "ABC",
  "1",
  "12",
  "123",
  "1234",
  "12345",
  "a1",
  "A1",
  "a-1",
  "a.b",
  "a/b",
  "1.0.0",
];
const COMMON_FORMS = ["2026-11-22", "12:00", "EUR", "en", "en-US", "#aabbcc", "+4915112345678", "true"];

function textCandidates(rules: JsonObject, texts: readonly string[]): string[] {
  const { prefix = "", suffix = "", contains = "" } = rules;
  const framed = (text: string) => `${String(prefix)}${text}${String(contains)}${String(suffix)}`;
  const formed = Object.entries(FORMS).flatMap(([rule, text]) => (rules[rule] === true ? [text] : []));
  const sized = sizesOf(rules, "minLen", "len", "minBytes", "lenBytes").map((size) => "a".repeat(size));
  const hex = sizesOf(rules, "minLen", "len").map((size) => "0".repeat(size));
  return [...formed, ...[...texts, ...sized, ...hex, ...COMMON_TEXTS, ...COMMON_FORMS].map(framed), ""];
}

/** The sizes that the rules require, or a common one. */
function sizesOf(rules: JsonObject, ...names: readonly string[]): number[] {
  const asked = names.flatMap((name) => (rules[name] === undefined ? [] : [Math.min(Number(rules[name]), LONGEST)]));
  return asked.length > 0 ? asked : [1];
}

function specialCandidates({ name }: DescMessage, rules: JsonObject): JsonValue[] {
  switch (name) {
    case "Any":
      return [];
    case "BoolValue":
      return [true, false];
    case "BytesValue":
      return scalarCandidates(ScalarType.BYTES, rules, []);
    case "Duration":
      return ["1s", ...["gte", "lte"].flatMap((bound) => listOf(rules[bound])), "60s", "3600s", "0.001s"];
    case "Empty":
      return [{}];
    case "FieldMask":
      return [""];
    case "ListValue":
      return [["any", 1]];
    case "StringValue":
      return textCandidates(rules, ["text"]);
    case "Struct":
      return [{ any: "thing" }];
    case "Timestamp":
      return timesFor(rules).map((apartMs) => new Date(systemClock.nowMs() + apartMs).toISOString());
    case "Value":
      return ["any"];
    default:
      return numberCandidates(rules);
  }
}

/**
 * Distances of an example time from now. They are large enough that the time is still in the future, or past, when the
 * example is used.
 */
function timesFor({ gtNow, ltNow }: JsonObject): number[] {
  if (gtNow === true) return [HOUR_MS];
  return ltNow === true ? [-HOUR_MS] : [0, HOUR_MS, -HOUR_MS];
}
