import { type DescEnum, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { nearest } from "../runtime/nearest.ts";
import { isObject } from "./json-numbers.ts";

/** Maximum number of listed names of an enum's values or a message's fields. */
const NAMES_MOST = 30;
const SHOWN_MOST = 40;

const WHOLE_32 = "a whole number from -2147483648 to 2147483647";
const UNSIGNED_32 = "a whole number from 0 to 4294967295";
const WHOLE_64 = "a whole number of 64 bits";
const UNSIGNED_64 = "a whole number of 64 bits from 0 on";
const NUMBER = "a number";
/** What a scalar is in JSON. */
export const SCALARS: Readonly<Record<ScalarType, string>> = {
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

/** What a message is in JSON. */
export const OBJECT = "a JSON object";
/** What a list is in JSON. */
export const LIST = "a list in square brackets";
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

/** True for messages with a special JSON mapping. */
export function isSpecial(desc: DescMessage): boolean {
  return SPECIAL.has(desc.typeName) || desc.typeName === VALUE || isWrapperDesc(desc);
}

/** What a message with a special JSON mapping is in JSON; `undefined` if it is anything. */
export function specialForm(desc: DescMessage): string | undefined {
  return isWrapperDesc(desc) ? SCALARS[desc.fields[0].scalar] : SPECIAL.get(desc.typeName);
}

/** Says that a message has no field of a name, and which is near or there. */
export function noField({ typeName, fields }: DescMessage, name: string, namedBy: "name" | "jsonName"): string {
  const names = fields.map((field) => field[namedBy] || field.name);
  const near = nearest(name, names);
  const hint = near === undefined ? `its fields are ${listed(names)}` : `did you mean ${near}?`;
  return `${typeName} has no field ${shown(name)}; ${fields.length === 0 ? "it has none" : hint}`;
}

/** The names of an enum, cut. */
export function namesOf({ values }: DescEnum): string {
  return listed(values.map(({ name }) => name));
}

function listed(names: readonly string[]): string {
  const left = names.length - NAMES_MOST;
  return `${names.slice(0, NAMES_MOST).join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
}

/** A text that is a key of a type other than string. */
export function sampleKey(type: ScalarType): string {
  return type === ScalarType.BOOL ? "true" : "1";
}

/** A value as messages quote it. */
export function shown(value: JsonValue): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value);
  return text.length > SHOWN_MOST ? `${text.slice(0, SHOWN_MOST)}…` : text;
}
