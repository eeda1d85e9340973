import type { DescField, DescMessage } from "@bufbuild/protobuf";

/** A value in a Struct, Value or ListValue that JSON cannot represent. The message names its field. */
export class FreeJsonError extends Error {
  override readonly name = "FreeJsonError";
}

/** The message types that generated code represents as plain JavaScript values. */
const FREE_TYPES: ReadonlySet<string> = new Set([
  "google.protobuf.Struct",
  "google.protobuf.Value",
  "google.protobuf.ListValue",
]);

const holders = new WeakMap<DescMessage, readonly DescField[]>();

/**
 * Checks the free-form values in a message before a generated encoder encodes it. The encoder would write a Map, a Date
 * or a class instance as an empty object, and would accept numbers that are not finite, which JSON cannot represent.
 * Throws {@link FreeJsonError} naming the field. For a type without such values this is a single lookup.
 */
export function checkFreeJson(desc: DescMessage, message: unknown): void {
  checkMessage(desc, message, "");
}

function checkMessage(desc: DescMessage, message: unknown, path: string): void {
  const fields = holdersIn(desc);
  if (fields.length === 0 || typeof message !== "object" || message === null) return;
  for (const field of fields) {
    const value = setValue(message as Readonly<Record<string, unknown>>, field);
    if (value !== undefined && value !== null)
      checkField(field, value, path === "" ? field.name : `${path}.${field.name}`);
  }
}

/** ts-proto represents the set member of a oneof as `{ $case, value }` under the oneof's name. */
function setValue(message: Readonly<Record<string, unknown>>, field: DescField): unknown {
  if (field.oneof === undefined) return message[field.localName];
  const set = message[field.oneof.localName] as { readonly $case?: unknown; readonly value?: unknown } | undefined;
  return set?.$case === field.localName ? set.value : undefined;
}

function checkField(field: DescField, value: unknown, path: string): void {
  const type = field.message as DescMessage;
  if (field.fieldKind === "list" && Array.isArray(value)) {
    for (const [index, each] of value.entries()) checkOne(type, each, `${path}[${index}]`);
  } else if (field.fieldKind === "map") {
    const entries = value instanceof Map ? value.entries() : Object.entries(value as object);
    for (const [key, each] of entries) checkOne(type, each, `${path}[${JSON.stringify(String(key))}]`);
  } else checkOne(type, value, path);
}

function checkOne(type: DescMessage, value: unknown, path: string): void {
  if (FREE_TYPES.has(type.typeName)) checkJson(value, path);
  else checkMessage(type, value, path);
}

function checkJson(value: unknown, path: string): void {
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) checkJson(each, `${path}[${index}]`);
  } else if (typeof value === "object" && value !== null) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) throw unfit(path, `a ${nameOf(value)}`);
    for (const [key, each] of Object.entries(value)) checkJson(each, `${path}.${key}`);
  } else if (typeof value === "number" && !Number.isFinite(value)) {
    throw unfit(path, String(value));
  } else if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") {
    throw unfit(path, `a ${typeof value}`);
  }
}

function unfit(path: string, what: string): FreeJsonError {
  return new FreeJsonError(
    `${path}: ${what} cannot be represented in JSON; use a text, a finite number, a plain object or a list`,
  );
}

function nameOf(value: object): string {
  return (value.constructor as { readonly name?: string } | undefined)?.name || "object of a class";
}

/** The fields of a message that may contain a free-form value, at any depth. */
function holdersIn(desc: DescMessage): readonly DescField[] {
  let fields = holders.get(desc);
  if (fields === undefined) {
    fields = desc.fields.filter(({ message }) => message !== undefined && holdsFree(message, new Set([desc])));
    holders.set(desc, fields);
  }
  return fields;
}

function holdsFree(desc: DescMessage, seen: Set<DescMessage>): boolean {
  if (FREE_TYPES.has(desc.typeName)) return true;
  if (seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some(({ message }) => message !== undefined && holdsFree(message, seen));
}
