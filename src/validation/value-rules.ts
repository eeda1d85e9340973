import { type DescEnum, type DescMessage, isFieldSet, ScalarType } from "@bufbuild/protobuf";
import {
  type FieldRules as FieldOptions,
  FieldRulesSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { WireCursor } from "../wire/wire-cursor.ts";

/**
 * True if one value satisfies its rules. The value is at `start` to `end` of the cursor's bytes; a varint is the last
 * one that the cursor has read.
 */
export type Fits = (cursor: WireCursor, start: number, end: number) => boolean;

/** The rules of one value that can be checked on its bytes. */
export interface ValueRules {
  /** `undefined` if every value is valid. */
  readonly fits: Fits | undefined;
  /** False if protovalidate must check some of the rules. */
  readonly judged: boolean;
}

/** The fields that are set in a message, by name. */
export type SetFields = Readonly<Record<string, unknown>>;
type Typed = FieldOptions["type"];

const FREE: ValueRules = { fits: undefined, judged: true };
const LEFT: ValueRules = { fits: undefined, judged: false };

/** Converts the rules of a scalar type, such as `DoubleRules`. */
export function scalarRules(scalar: ScalarType, { case: kind, value: rules }: Typed): ValueRules {
  if (rules === undefined) return FREE;
  if (kind !== ScalarType[scalar].toLowerCase()) return LEFT;
  const set = setFields(kind, rules);
  if (set === undefined) return LEFT;
  if (scalar === ScalarType.STRING) return textRules(set);
  if (scalar === ScalarType.BYTES) return bytesRules(set);
  const test = numberTest(set);
  return test === undefined ? LEFT : { fits: readAnd(scalar, test), judged: true };
}

/** Converts the rules of an enum. */
export function enumRules(type: DescEnum, { case: kind, value: rules }: Typed): ValueRules {
  if (rules === undefined) return FREE;
  const { definedOnly = false, ...set } = (kind === "enum" && setFields(kind, rules)) || { other: true };
  const test = numberTest(set);
  if (test === undefined) return LEFT;
  const known = new Set(type.values.map(({ number }) => number));
  return { fits: ({ lo }) => (!definedOnly || known.has(lo | 0)) && test(lo | 0), judged: true };
}

/** True if a value is the zero of its scalar type or enum. -0 is not. */
export function isZero(scalar: ScalarType | undefined): Fits {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return (_, start, end) => start === end;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return ({ bytes }, start) => bytes.readInt32LE(start) === 0 && bytes.readInt32LE(start + 4) === 0;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return ({ bytes }, start) => bytes.readInt32LE(start) === 0;
    case ScalarType.BOOL:
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
      return ({ lo, hi }) => (lo | hi) === 0;
    default:
      return ({ lo }) => lo === 0;
  }
}

/** True if the zero of the type satisfies the rules. An absent value counts as zero. */
export function zeroFits(fits: Fits | undefined, scalar: ScalarType | undefined): boolean {
  const isText = scalar === ScalarType.STRING || scalar === ScalarType.BYTES;
  return fits === undefined || fits(new WireCursor(Buffer.alloc(8)), 0, isText ? 0 : 8);
}

/** The set fields of a rules message; `undefined` if it contains fields that this version does not support. */
export function setFields(kind: string, rules: object): SetFields | undefined {
  const { message: desc } = FieldRulesSchema.fields.find(({ localName }) => localName === kind) as {
    readonly message?: DescMessage;
  };
  const message = rules as Parameters<typeof isFieldSet>[0];
  if (desc === undefined || (message.$unknown?.length ?? 0) > 0) return undefined;
  const set = desc.fields.filter((field) => field.name !== "example" && isFieldSet(message, field));
  return Object.fromEntries(set.map((field) => [field.localName, valueIn(message, field)]));
}

function valueIn(message: object, { localName, oneof }: DescMessage["fields"][number]): unknown {
  const of = message as SetFields;
  return oneof === undefined ? of[localName] : (of[oneof.localName] as { readonly value: unknown }).value;
}

/** A value that rules can compare. */
type Value = number | bigint | boolean;
type Test<T> = (value: T) => boolean;

interface NumberRules {
  readonly const?: Value;
  readonly in?: readonly Value[];
  readonly notIn?: readonly Value[];
  readonly finite?: boolean;
  readonly gt?: Value;
  readonly gte?: Value;
  readonly lt?: Value;
  readonly lte?: Value;
}

/** The test for rules about numbers, bools or bigints; `undefined` for other rules. */
function numberTest(set: SetFields): Test<Value> | undefined {
  const { const: only, in: among, notIn, finite, gt, gte, lt, lte, ...others } = set as NumberRules;
  if (Object.keys(others).length > 0 || [gt, gte, lt, lte].some(Number.isNaN)) return undefined;
  const tests: Test<Value>[] = [];
  if (finite) tests.push(Number.isFinite);
  if (only !== undefined) tests.push((value) => value === only);
  // `includes` would treat NaN as equal to itself.
  if (among !== undefined) tests.push((value) => among.indexOf(value) >= 0);
  if (notIn !== undefined) tests.push((value) => notIn.indexOf(value) < 0);
  const range = rangeTest({ gt, gte, lt, lte });
  if (range !== undefined) tests.push(range);
  return all(tests);
}

/** Every comparison with NaN is false, so that no range contains it. */
function rangeTest({ gt, gte, lt, lte }: Record<"gt" | "gte" | "lt" | "lte", Value | undefined>) {
  const lower = gt ?? gte;
  const upper = lt ?? lte;
  const isAbove: Test<Value> = gt === undefined ? (value) => value >= (lower as Value) : (value) => value > gt;
  const isBelow: Test<Value> = lt === undefined ? (value) => value <= (upper as Value) : (value) => value < lt;
  if (lower === undefined) return upper === undefined ? undefined : isBelow;
  if (upper === undefined) return isAbove;
  // If the upper bound is below the lower bound, the value must be outside of the range between them.
  const either: Test<Value> = (value) => isAbove(value) || isBelow(value);
  return upper >= lower ? (value: Value) => isAbove(value) && isBelow(value) : either;
}

function all<T>([first, ...more]: readonly Test<T>[]): Test<T> {
  if (first === undefined) return () => true;
  return more.length === 0 ? first : (value) => first(value) && more.every((test) => test(value));
}

/** Reads a value, truncated to its type as by decoders, and tests it. */
function readAnd(scalar: ScalarType, test: Test<Value>): Fits {
  switch (scalar) {
    case ScalarType.DOUBLE:
      return (cursor, start) => test(cursor.view.getFloat64(start, true));
    case ScalarType.FLOAT:
      return (cursor, start) => test(cursor.view.getFloat32(start, true));
    case ScalarType.FIXED32:
      return (cursor, start) => test(cursor.view.getUint32(start, true));
    case ScalarType.SFIXED32:
      return (cursor, start) => test(cursor.view.getInt32(start, true));
    case ScalarType.FIXED64:
      return (cursor, start) => test(cursor.view.getBigUint64(start, true));
    case ScalarType.SFIXED64:
      return (cursor, start) => test(cursor.view.getBigInt64(start, true));
    case ScalarType.BOOL:
      return ({ lo, hi }) => test((lo | hi) !== 0);
    case ScalarType.UINT32:
      return ({ lo }) => test(lo);
    case ScalarType.SINT32:
      return ({ lo }) => test((lo >>> 1) ^ -(lo & 1));
    case ScalarType.UINT64:
      return ({ lo, hi }) => test(wide(lo, hi));
    case ScalarType.INT64:
      return ({ lo, hi }) => test(BigInt.asIntN(64, wide(lo, hi)));
    case ScalarType.SINT64:
      return ({ lo, hi }) => test((wide(lo, hi) >> 1n) ^ -(wide(lo, hi) & 1n));
    default:
      return ({ lo }) => test(lo | 0);
  }
}

function wide(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo);
}

interface TextRules extends LengthRules {
  readonly lenBytes?: bigint;
  readonly minBytes?: bigint;
  readonly maxBytes?: bigint;
  readonly const?: string;
  readonly in?: readonly string[];
  readonly notIn?: readonly string[];
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly notContains?: string;
}

function textRules(set: SetFields): ValueRules {
  const { len, minLen, maxLen, lenBytes, minBytes, maxBytes, ...rest } = set as TextRules;
  const { const: only, in: among, notIn, prefix, suffix, contains, notContains, ...others } = rest;
  if (Object.keys(others).length > 0) return LEFT;
  const characters = lengthTest({ len, minLen, maxLen });
  const byteLength = lengthTest({ len: lenBytes, minLen: minBytes, maxLen: maxBytes });
  const tests: Test<string>[] = [];
  if (only !== undefined) tests.push((text) => text === only);
  if (among !== undefined) tests.push((text) => among.includes(text));
  if (notIn !== undefined) tests.push((text) => !notIn.includes(text));
  if (prefix !== undefined) tests.push((text) => text.startsWith(prefix));
  if (suffix !== undefined) tests.push((text) => text.endsWith(suffix));
  if (contains !== undefined) tests.push((text) => text.includes(contains));
  if (notContains !== undefined) tests.push((text) => !text.includes(notContains));
  const test = tests.length === 0 ? undefined : all(tests);
  return {
    fits: ({ bytes }, start, end) =>
      byteLength(end - start) &&
      (characters === ANY_LENGTH || characters(countCharacters(bytes, start, end))) &&
      (test === undefined || test(bytes.toString("utf8", start, end))),
    judged: true,
  };
}

function bytesRules(set: SetFields): ValueRules {
  const { len, minLen, maxLen, ...others } = set as LengthRules;
  if (Object.keys(others).length > 0) return LEFT;
  const test = lengthTest({ len, minLen, maxLen });
  return { fits: (_, start, end) => test(end - start), judged: true };
}

interface LengthRules {
  readonly len?: bigint | undefined;
  readonly minLen?: bigint | undefined;
  readonly maxLen?: bigint | undefined;
}

const ANY_LENGTH: Test<number> = () => true;

function lengthTest({ len, minLen = len ?? 0n, maxLen = len }: LengthRules): Test<number> {
  if (minLen === 0n && maxLen === undefined) return ANY_LENGTH;
  const lowest = Number(len === undefined || minLen > len ? minLen : len);
  const highest =
    maxLen === undefined ? Number.POSITIVE_INFINITY : Number(len === undefined || maxLen < len ? maxLen : len);
  return (length) => length >= lowest && length <= highest;
}

/** Counts the code points in valid UTF-8 by the bytes that begin one. */
function countCharacters(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if (((bytes[i] as number) & 0xc0) !== 0x80) count += 1;
  return count;
}
