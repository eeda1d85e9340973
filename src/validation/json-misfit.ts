import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { nearest } from "../runtime/nearest.ts";
import { typeNameOf } from "../wire/type-name.ts";
import { isObject } from "./json-numbers.ts";

/** Maximum number of listed names of an enum's values or a message's fields. */
const NAMES_MOST = 30;
const SHOWN_MOST = 40;

const WHOLE_32 = "a whole number from -2147483648 to 2147483647";
const UNSIGNED_32 = "a whole number from 0 to 4294967295";
const WHOLE_64 = "a whole number of 64 bits";
const UNSIGNED_64 = "a whole number of 64 bits from 0 on";
const NUMBER = "a number";
const SCALARS: Readonly<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "a text in quotes",
  [ScalarType.BYTES]: "base64 in quotes",
  [ScalarType.BOOL]: "true or false",
  [ScalarType.DOUBLE]: NUMBER,
  [ScalarType.FLOAT]: "a number in the range of a float",
  [ScalarType.INT32]: WHOLE_32,
  [ScalarType.SINT32]: WHOLE_32,
  [ScalarType.SFIXED32]: WHOLE_32,
  [ScalarType.UINT32]: UNSIGNED_32,
  [ScalarType.FIXED32]: UNSIGNED_32,
  [ScalarType.INT64]: WHOLE_64,
  [ScalarType.SINT64]: WHOLE_64,
  [ScalarType.SFIXED64]: WHOLE_64,
  [ScalarType.UINT64]: UNSIGNED_64,
  [ScalarType.FIXED64]: UNSIGNED_64,
};

const OBJECT = "a JSON object";
const LIST = "a list in square brackets";
/** The type that accepts any JSON value. */
const VALUE = "google.protobuf.Value";
/** Messages with a special JSON mapping. */
const SPECIAL: ReadonlyMap<string, string> = new Map([
  ["google.protobuf.Struct", OBJECT],
  ["google.protobuf.ListValue", LIST],
  ["google.protobuf.Timestamp", 'a time such as "2026-11-22T12:00:00Z"'],
  ["google.protobuf.Duration", 'a time span in seconds such as "1.5s"'],
  ["google.protobuf.FieldMask", 'names of fields such as "a,b.c"'],
  ["google.protobuf.Any", 'an object whose "@type" is the URL of a known message'],
]);

/**
 * Describes the fault in the ProtoJSON of a message that `fromJson` refused with `refusal`. The text begins with the
 * field's path in the format of rule violations, such as `images[0].format` or `labels["a"]`.
 */
export function describeMisfit(
  desc: DescMessage,
  json: JsonValue,
  { registry, refusal }: { readonly registry: Registry; readonly refusal: unknown },
): string {
  const misfit = new Search(registry).inMessage(desc, json, "");
  if (misfit === undefined) return refusal instanceof Error ? refusal.message : String(refusal);
  return misfit.path === "" ? misfit.problem : `${misfit.path}: ${misfit.problem}`;
}

interface Misfit {
  readonly path: string;
  readonly problem: string;
}

/** Finds the smallest part that the parser refuses on its own. Methods return `undefined` for an accepted part. */
class Search {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  inMessage(desc: DescMessage, json: JsonValue, path: string): Misfit | undefined {
    const isSpecial = SPECIAL.has(desc.typeName) || desc.typeName === VALUE || isWrapperDesc(desc);
    if (isSpecial) return this.#inSpecial(desc, json, path);
    if (!isObject(json)) return { path, problem: `${shown(json)} is not ${OBJECT}` };
    for (const [name, value] of Object.entries(json)) {
      const field = desc.fields.find((each) => each.jsonName === name || each.name === name);
      if (field === undefined && !name.startsWith("[")) return { path, problem: noField(desc, name) };
      if (field === undefined || this.#fits(desc, { [name]: value })) continue;
      const place = path === "" ? name : `${path}.${name}`;
      return (
        this.#inField({ desc, name, field }, value, place) ?? { path: place, problem: `${shown(value)} does not fit` }
      );
    }
    return undefined;
  }

  #inField({ desc, name, field }: NamedField, value: JsonValue, path: string): Misfit | undefined {
    if (field.fieldKind === "list") {
      if (!Array.isArray(value)) return { path, problem: `${shown(value)} is not ${LIST}` };
      const index = value.findIndex((each) => !this.#fits(desc, { [name]: [each] }));
      return index < 0 ? undefined : this.#inOne(field, value[index] as JsonValue, `${path}[${index}]`);
    }
    if (field.fieldKind === "map") {
      if (!isObject(value)) return { path, problem: `${shown(value)} is not ${OBJECT}` };
      const entry = Object.entries(value).find(([key, each]) => !this.#fits(desc, { [name]: { [key]: each } }));
      if (entry === undefined) return undefined;
      const [key, each] = entry;
      const inValue = this.#inOne(field, each, `${path}[${JSON.stringify(key)}]`);
      const isKey =
        field.mapKey !== ScalarType.STRING && this.#fits(desc, { [name]: { [sampleKey(field.mapKey)]: each } });
      return isKey ? { path, problem: `the key ${shown(key)} is not ${SCALARS[field.mapKey]}` } : inValue;
    }
    return this.#inOne(field, value, path);
  }

  /** Searches one value of a field that the parser refuses. */
  #inOne({ message, enum: values, scalar }: DescField, value: JsonValue, path: string): Misfit | undefined {
    if (message !== undefined) return this.inMessage(message, value, path);
    if (values !== undefined) return { path, problem: `${shown(value)} is none of ${namesOf(values)}` };
    return scalar === undefined ? undefined : { path, problem: `${shown(value)} is not ${SCALARS[scalar]}` };
  }

  #inSpecial(desc: DescMessage, json: JsonValue, path: string): Misfit | undefined {
    const expected = isWrapperDesc(desc) ? SCALARS[desc.fields[0].scalar] : SPECIAL.get(desc.typeName);
    if (desc.typeName === "google.protobuf.Any" && isObject(json)) {
      const { "@type": url, ...rest } = json;
      const inner = typeof url === "string" ? this.#registry.getMessage(typeNameOf(url)) : undefined;
      const isPlain = inner?.typeName.startsWith("google.protobuf.") === false;
      const misfit = inner && this.inMessage(inner, isPlain ? rest : (rest.value ?? null), path);
      if (misfit !== undefined) return misfit;
    }
    return expected === undefined ? undefined : { path, problem: `${shown(json)} is not ${expected}` };
  }

  #fits(desc: DescMessage, json: JsonObject): boolean {
    try {
      fromJson(desc, json, { registry: this.#registry });
      return true;
    } catch {
      return false;
    }
  }
}

interface NamedField {
  readonly desc: DescMessage;
  /** The name in the JSON. */
  readonly name: string;
  readonly field: DescField;
}

function noField({ typeName, fields }: DescMessage, name: string): string {
  const names = fields.map(({ jsonName, name: own }) => jsonName || own);
  const near = nearest(name, names);
  const hint = near === undefined ? `its fields are ${listed(names)}` : `did you mean ${near}?`;
  return `${typeName} has no field ${shown(name)}; ${fields.length === 0 ? "it has none" : hint}`;
}

function namesOf({ values }: DescEnum): string {
  return listed(values.map(({ name }) => name));
}

function listed(names: readonly string[]): string {
  const left = names.length - NAMES_MOST;
  return `${names.slice(0, NAMES_MOST).join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
}

function sampleKey(type: ScalarType): string {
  return type === ScalarType.BOOL ? "true" : "1";
}

function shown(value: JsonValue): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value);
  return text.length > SHOWN_MOST ? `${text.slice(0, SHOWN_MOST)}…` : text;
}
