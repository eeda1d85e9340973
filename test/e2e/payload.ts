import { BinaryReader } from "@bufbuild/protobuf/wire";
import fc from "fast-check";

/**
 * A JSON value as a tree that keeps what JavaScript objects lose or reorder: -0 is a number of its own, and an object
 * is its entries in any order, with "__proto__" a key like others.
 */
export type Tree = null | boolean | number | string | readonly Tree[] | { readonly entries: readonly Entry[] };
type Entry = readonly [key: string, value: Tree];

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom("__proto__", "constructor", "toString", "", "𝄞", "\u{10ffff}", "\u0000", "é", "e\u0301"),
);
const number = fc.oneof(
  fc.constantFrom(0, -0, 0.1, -1, 1e21, 5e-324, Number.MAX_VALUE, Number.MIN_SAFE_INTEGER),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);

function object(value: fc.Arbitrary<Tree>, maxKeys: number): fc.Arbitrary<{ entries: Entry[] }> {
  const entries = fc.uniqueArray(fc.tuple(text, value), { maxLength: maxKeys, selector: ([key]) => key });
  return entries.map((list) => ({ entries: list }));
}

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), number, text),
    fc.array(tie("tree"), { maxLength: 5 }),
    object(tie("tree"), 8),
  ),
}));

/** Objects with up to 40 keys and several levels. */
export const payloads: fc.Arbitrary<Tree> = object(tree, 40);

/** Writes a tree as JSON text. */
export function toJsonText(tree: Tree): string {
  if (Object.is(tree, -0)) return "-0";
  if (tree === null || typeof tree !== "object") return JSON.stringify(tree);
  if (isList(tree)) return `[${tree.map(toJsonText).join(",")}]`;
  return `{${tree.entries.map(([key, value]) => `${JSON.stringify(key)}:${toJsonText(value)}`).join(",")}}`;
}

/** Sorts the entries of every object, so that equal values are deeply equal. */
export function sorted(tree: Tree): Tree {
  if (tree === null || typeof tree !== "object") return tree;
  if (isList(tree)) return tree.map(sorted);
  const entries = tree.entries.map(([key, value]): Entry => [key, sorted(value)]);
  return { entries: entries.sort(([a], [b]) => (a < b ? -1 : 1)) };
}

/** Reads the payload in the bytes of a StartLongTaskResponse, field by field, without any generated code. */
export function readPayload(response: Uint8Array): Tree {
  const [payload] = fieldsOf(response);
  return readStruct(payload?.bytes ?? new Uint8Array());
}

/** Reads the bytes of a google.protobuf.Struct. */
function readStruct(bytes: Uint8Array): Tree {
  return { entries: fieldsOf(bytes).map(({ bytes: entry }) => readEntry(entry)) };
}

function isList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

interface Field {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly scalar: number;
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === 2) fields.push({ number, bytes: reader.bytes(), scalar: 0 });
    else fields.push({ number, bytes: new Uint8Array(), scalar: wireType === 1 ? reader.double() : reader.int32() });
  }
  return fields;
}

function readEntry(bytes: Uint8Array): Entry {
  const fields = fieldsOf(bytes);
  const [key, value] = [1, 2].map((number) => fields.find((field) => field.number === number));
  return [Buffer.from(key?.bytes ?? []).toString(), readValue(value?.bytes ?? new Uint8Array())];
}

function readValue(bytes: Uint8Array): Tree {
  const [field] = fieldsOf(bytes);
  switch (field?.number) {
    case 1:
      return null;
    case 2:
      return field.scalar;
    case 3:
      return Buffer.from(field.bytes).toString();
    case 4:
      return field.scalar === 1;
    case 5:
      return readStruct(field.bytes);
    case 6:
      return fieldsOf(field.bytes).map(({ bytes: item }) => readValue(item));
    default:
      throw new Error("a google.protobuf.Value holds nothing");
  }
}
