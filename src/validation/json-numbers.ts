import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";

/** A number in a JSON text that is not accepted. The message names its field and the reason. */
export class JsonNumberError extends Error {
  override readonly name = "JsonNumberError";
}

const INTEGERS_64: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);
const NOT_NUMBERS: ReadonlySet<ScalarType> = new Set([ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL]);

/** RFC 8259, section 6. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const WORDS: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity"]);

/**
 * Checks the ProtoJSON of a message for invalid numbers that parsers accept: a number for a 64-bit integer that a
 * double cannot represent exactly, and text such as "0x10" or " 5". Other faults are left to the parser. Throws
 * {@link JsonNumberError} naming the field.
 */
export function checkJsonNumbers(desc: DescMessage, json: JsonValue): void {
  checkMessage(desc, json, "");
}

function checkMessage(desc: DescMessage, json: JsonValue, path: string): void {
  // Of the messages with a special JSON mapping, only wrappers contain integers. Their JSON is that of their field.
  if (desc.typeName.startsWith("google.protobuf.")) checkWrapper(desc, json, path);
  else if (isObject(json)) checkFields(desc, json, path);
}

function checkFields(desc: DescMessage, json: JsonObject, path: string): void {
  for (const field of desc.fields) {
    const name = Object.hasOwn(json, field.jsonName) ? field.jsonName : field.name;
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value !== undefined && value !== null) checkField(field, value, path === "" ? name : `${path}.${name}`);
  }
}

function checkWrapper(desc: DescMessage, json: JsonValue, path: string): void {
  const [field] = desc.fields;
  if (desc.typeName.endsWith("Value") && field?.fieldKind === "scalar") checkScalar(field.scalar, json, path);
}

function checkField(field: DescField, value: JsonValue, path: string): void {
  if (field.fieldKind === "list" && Array.isArray(value)) {
    for (const [index, each] of value.entries()) checkOne(field, each, `${path}[${index}]`);
  } else if (field.fieldKind === "map" && isObject(value)) {
    for (const [key, each] of Object.entries(value)) {
      const place = `${path}[${JSON.stringify(key)}]`;
      checkScalar(field.mapKey, key, place);
      checkOne(field, each as JsonValue, place);
    }
  } else checkOne(field, value, path);
}

function checkOne({ message, scalar }: DescField, value: JsonValue, path: string): void {
  if (message !== undefined) checkMessage(message, value, path);
  else if (scalar !== undefined) checkScalar(scalar, value, path);
}

function checkScalar(type: ScalarType, value: JsonValue, path: string): void {
  const problem = numberProblem(type, value);
  if (problem !== undefined) throw new JsonNumberError(`${path}: ${problem}`);
}

/** What is wrong with a number in JSON that parsers accept; `undefined` for other values. See {@link checkJsonNumbers}. */
export function numberProblem(type: ScalarType, value: JsonValue): string | undefined {
  if (NOT_NUMBERS.has(type)) return undefined;
  if (typeof value === "string") {
    return WORDS.has(value) || NUMBER.test(value) ? undefined : `${JSON.stringify(value)} is not a decimal number`;
  }
  if (typeof value !== "number" || !INTEGERS_64.has(type)) return undefined;
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return undefined;
  return `${value} cannot be represented exactly as a JSON number; write it in quotes`;
}

/** True for a JSON object. */
export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
