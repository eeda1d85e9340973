/* The file is long because one class parses all wire types in a single pass, which keeps the check fast. */

import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { MAX_ELEMENTS, MAX_PACKED_VARINTS } from "../wire/limits.ts";
import { FIXED64, LENGTH_DELIMITED, VARINT, WireCursor, WireFormatError } from "../wire/wire-cursor.ts";
import { type MapKey, readMapKey } from "./map-key.ts";
import { ENUM, type FieldPlan, MESSAGE, type MessagePlan, messagePlan } from "./message-plan.ts";
import type { FieldRules, MessageRules } from "./message-rules.ts";
import type { Fits } from "./value-rules.ts";

/**
 * Maximum nesting of messages, including the outermost one and map entries. Decoders of other languages have the same
 * limit.
 */
export const MAX_DEPTH = 100;

/** Options of {@link checkStrict}. */
export interface StrictOptions {
  /**
   * Also refuses encodings that are ambiguous: padded varints, bools other than 0 and 1, integers out of their type's
   * range, repeated map keys, and every google.protobuf.Any, whose bytes have no canonical form. Default: false.
   */
  readonly unambiguous?: boolean;
  /** Refuses a google.protobuf.Value with a number that JSON cannot represent (NaN, Infinity). Default: false. */
  readonly jsonNumbers?: boolean;
  /** Ignores unknown fields at every depth, for messages of a newer peer. Default: false. */
  readonly unknownFields?: boolean;
  /** Allows any number of elements and packed varints. For bytes that no caller has sent. Default: false. */
  readonly unbounded?: boolean;
}

/** Options of {@link isStrict}. */
export interface RuledOptions extends StrictOptions {
  /** The rules to check; `undefined` if there are none. */
  readonly rules: MessageRules | undefined;
}

/** A list that has more items than its field's rules allow. */
export interface LongList {
  /** Dotted names of the fields down to the list. */
  readonly path: string;
  readonly mostItems: number;
}

/**
 * Describes where and why bytes are not a strict encoding of a message. Contains only names and numbers from the
 * contract, and no values.
 *
 * @example
 * ```ts
 * try {
 *   canonicalize(bytes, messageDesc(builtinImage(), "sealwire.demo.v1.BatchSumRequest"));
 * } catch (error) {
 *   if (!(error instanceof StrictError)) throw error;
 *   console.error(error.path, error.problem);
 * }
 * ```
 */
export class StrictError extends Error {
  override readonly name = "StrictError";
  /** Dotted names of the fields down to the invalid one; "" for the message itself. */
  readonly path: string;
  /** A short description of the fault. */
  readonly problem: string;

  constructor(path: string, problem: string) {
    super(path === "" ? problem : `${path}: ${problem}`);
    this.path = path;
    this.problem = problem;
  }
}

/**
 * Checks that bytes are a strict encoding of a message at every depth: no unknown field or value of a closed enum, no
 * repeated singular field or oneof, no invalid UTF-8, zero tag, group, wrong wire type or truncated value, and at most
 * {@link MAX_DEPTH} levels, {@link MAX_ELEMENTS} elements and {@link MAX_PACKED_VARINTS} packed varints. Extensions count
 * as unknown. The value inside an Any is opaque. Lists may be packed or unpacked. Throws {@link StrictError}.
 */
export function checkStrict(bytes: Uint8Array, desc: DescMessage, options: StrictOptions = {}): void {
  if (isStrict(bytes, desc, { ...options, rules: undefined })) return;
  findLongLists(bytes, desc, { ...options, rules: undefined });
}

/**
 * True if {@link checkStrict} accepts the bytes and no value violates a rule that can be checked on the bytes. It is
 * faster than {@link checkStrict}, because it does not determine the fault and its position.
 */
export function isStrict(bytes: Uint8Array, desc: DescMessage, { rules, ...options }: RuledOptions): boolean {
  try {
    new StrictParse(bytes, options, undefined).message(messagePlan(desc), bytes.length, 1, rules);
    return true;
  } catch (error) {
    if (error instanceof WireFormatError || error === RULE_BROKEN) return false;
    throw error;
  }
}

/** Checks the bytes like {@link checkStrict} and returns the lists that have more items than the rules allow. */
export function findLongLists(
  bytes: Uint8Array,
  desc: DescMessage,
  { rules, ...options }: RuledOptions,
): readonly LongList[] {
  const trace: Trace = { path: [], longLists: [] };
  try {
    new StrictParse(bytes, options, trace).message(messagePlan(desc), bytes.length, 1, rules);
  } catch (error) {
    if (error instanceof WireFormatError) throw new StrictError(trace.path.join("."), error.message);
    throw error;
  }
  return trace.longLists;
}

const ANY = "google.protobuf.Any";
/** A preallocated error, because creating an error for each violation is slow. */
const RULE_BROKEN = new Error("a value breaks a rule");

/** The position of a parse, and the lists that it found to be too long. */
interface Trace {
  /** Names of the fields that enclose the position, outermost first. */
  readonly path: string[];
  readonly longLists: LongList[];
}

/**
 * One pass over the bytes of a message. With a {@link Trace} it tracks the position, checks no rules except the lengths
 * of lists, and records lists that are too long. Without one it checks all rules and throws {@link RULE_BROKEN} at the
 * first violation.
 */
class StrictParse {
  readonly #cursor: WireCursor;
  readonly #trace: Trace | undefined;
  readonly #unambiguous: boolean;
  readonly #unknownFields: boolean;
  readonly #jsonNumbers: boolean;
  readonly #unbounded: boolean;
  #elements = 0;
  #packedVarints = 0;

  constructor(bytes: Uint8Array, options: StrictOptions, trace: Trace | undefined) {
    this.#cursor = new WireCursor(bytes, options.unambiguous === true);
    this.#trace = trace;
    this.#unambiguous = options.unambiguous === true;
    this.#unknownFields = options.unknownFields === true;
    this.#jsonNumbers = options.jsonNumbers === true;
    this.#unbounded = options.unbounded === true;
  }

  message(plan: MessagePlan, end: number, depth: number, rules: MessageRules | undefined): void {
    this.#element();
    if (depth > MAX_DEPTH) throw new WireFormatError(`more than ${MAX_DEPTH} levels deep`);
    if (this.#unambiguous && plan.typeName === ANY) throw new WireFormatError("an Any, which has no canonical form");
    const cursor = this.#cursor;
    const trace = this.#trace;
    let filled = 0;
    let filledFurther: Set<number> | undefined;
    let keys: Map<FieldPlan, Set<MapKey>> | undefined;
    const counts: number[] | undefined = rules?.counted ? new Array(plan.fields.length).fill(0) : undefined;
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      const number = tag >>> 3;
      const field = number < plan.byLowNumber.length ? plan.byLowNumber[number] : plan.byNumber.get(number);
      if (field === undefined) {
        if (!this.#unknownFields) throw new WireFormatError(`unknown field number ${number}`);
        cursor.skip(tag & 7, end);
        continue;
      }
      trace?.path.push(field.name);
      const { slot } = field;
      if (slot >= 31) {
        filledFurther ??= new Set();
        if (filledFurther.has(slot)) throw new WireFormatError("given twice");
        filledFurther.add(slot);
      } else if (slot >= 0) {
        if ((filled & (1 << slot)) !== 0) throw new WireFormatError("given twice");
        filled |= 1 << slot;
      }
      const start = cursor.pos;
      let items = 1;
      const own = rules?.fields[field.index];
      if ((tag & 7) === field.wireType) this.#value(field, end, depth, own);
      else if (field.packable && (tag & 7) === LENGTH_DELIMITED) items = this.#packed(field, end, own?.fits);
      else throw new WireFormatError(`wire type ${tag & 7} instead of ${field.wireType}`);
      if (field.isMap && this.#unambiguous) {
        keys ??= new Map();
        this.#newKey(field, start, keys);
      }
      if (counts !== undefined && own !== undefined && slot < 0) this.#count(field, items, own, counts);
      trace?.path.pop();
    }
    if (rules !== undefined && trace === undefined) checkComplete(rules, filled, counts);
  }

  /** Counts a message, a map entry, or a value of an unpacked list. Decoders allocate about one object for each. */
  #element(): void {
    this.#elements += 1;
    if (this.#elements > MAX_ELEMENTS && !this.#unbounded) {
      throw new WireFormatError(`more than ${MAX_ELEMENTS} messages, map entries and values of unpacked lists in all`);
    }
  }

  #count({ index, isMap }: FieldPlan, items: number, { mostItems }: FieldRules, counts: number[]): void {
    const before = counts[index] as number;
    counts[index] = before + items;
    if (before > mostItems || before + items <= mostItems) return;
    if (this.#trace === undefined) throw RULE_BROKEN;
    // The number of a map's entries is not the number of its keys, because a key may be repeated.
    if (!isMap) this.#trace.longLists.push({ path: this.#trace.path.join("."), mostItems });
  }

  /** Returns the number of values. */
  #packed(field: FieldPlan, end: number, fits: Fits | undefined): number {
    const cursor = this.#cursor;
    const last = cursor.delimited(end);
    return field.wireType === VARINT ? this.#packedInts(field, last, fits) : this.#packedFixed(field, last, fits);
  }

  #packedInts(field: FieldPlan, end: number, fits: Fits | undefined): number {
    const cursor = this.#cursor;
    let items = 0;
    for (; cursor.pos < end; items += 1) this.#scalar(field, end, fits);
    this.#packedVarints += items;
    if (this.#packedVarints > MAX_PACKED_VARINTS && !this.#unbounded) {
      throw new WireFormatError(`more than ${MAX_PACKED_VARINTS} packed varints in all`);
    }
    return items;
  }

  #packedFixed({ wireType }: FieldPlan, end: number, fits: Fits | undefined): number {
    const cursor = this.#cursor;
    const start = cursor.pos;
    const size = wireType === FIXED64 ? 8 : 4;
    if ((end - start) % size !== 0) throw new WireFormatError("truncated");
    if (fits !== undefined && this.#trace === undefined) {
      for (let pos = start; pos < end; pos += size) if (!fits(cursor, pos, pos + size)) throw RULE_BROKEN;
    }
    cursor.pos = end;
    return (end - start) / size;
  }

  #value(field: FieldPlan, end: number, depth: number, rules: FieldRules | undefined): void {
    if (field.type === MESSAGE) {
      const last = this.#cursor.delimited(end);
      this.message(field.message as MessagePlan, last, depth + 1, rules?.message);
      this.#cursor.pos = last;
      return;
    }
    if (field.slot < 0) this.#element();
    this.#scalar(field, end, rules?.fits);
  }

  #scalar(field: FieldPlan, end: number, fits: Fits | undefined): void {
    const cursor = this.#cursor;
    let start = cursor.pos;
    if (field.wireType === VARINT) {
      cursor.varint(end);
      if (this.#unambiguous) checkRange(field.type, cursor.lo, cursor.hi);
      if (field.closed?.has(cursor.lo | 0) === false) throw new WireFormatError(`unknown enum value ${cursor.lo | 0}`);
    } else if (field.wireType === LENGTH_DELIMITED) {
      const last = cursor.delimited(end);
      start = cursor.pos;
      if (field.type === ScalarType.STRING) cursor.utf8(start, last);
      cursor.pos = last;
    } else {
      cursor.skip(field.wireType, end);
      if (field.isJsonNumber && this.#jsonNumbers && !Number.isFinite(cursor.view.getFloat64(start, true))) {
        throw new WireFormatError("a number that is not finite, which JSON cannot represent");
      }
    }
    if (fits !== undefined && this.#trace === undefined && !fits(cursor, start, cursor.pos)) throw RULE_BROKEN;
  }

  /** Refuses a key that an earlier entry of the same map contains. The entry at `start` has been checked. */
  #newKey(field: FieldPlan, start: number, keys: Map<FieldPlan, Set<MapKey>>): void {
    const cursor = this.#cursor;
    const after = cursor.pos;
    cursor.pos = start;
    cursor.delimited(after);
    const key = entryKey(cursor, field.message as MessagePlan, after);
    cursor.pos = after;
    const known = keys.get(field) ?? new Set();
    if (known.has(key)) throw new WireFormatError("a key given twice");
    keys.set(field, known.add(key));
  }
}

/** Throws if a required field is missing or a list is too short. */
function checkComplete({ needed, fields }: MessageRules, filled: number, counts: readonly number[] | undefined): void {
  if ((filled & needed) !== needed) throw RULE_BROKEN;
  if (counts?.some((count, index) => count < (fields[index]?.leastItems ?? 0))) throw RULE_BROKEN;
}

function entryKey(cursor: WireCursor, entry: MessagePlan, end: number): MapKey {
  const key = entry.fields[0] as FieldPlan;
  while (cursor.pos < end) {
    const tag = cursor.tag(end);
    if (tag >>> 3 !== key.number) {
      cursor.skip(tag & 7, end);
    } else if (key.type === ScalarType.STRING) {
      const last = cursor.delimited(end);
      return readMapKey(cursor, key, cursor.pos, last);
    } else {
      return readMapKey(cursor, key, cursor.pos, end);
    }
  }
  return readMapKey(cursor, key, -1, -1);
}

function checkRange(type: number, lo: number, hi: number): void {
  switch (type) {
    case ScalarType.BOOL:
      if (hi !== 0 || lo > 1) throw new WireFormatError("a bool other than 0 and 1");
      return;
    case ScalarType.INT32:
    case ENUM:
      if (hi !== (lo >= 0x80000000 ? 0xffffffff : 0)) throw new WireFormatError("an integer out of range");
      return;
    case ScalarType.UINT32:
    case ScalarType.SINT32:
      if (hi !== 0) throw new WireFormatError("an integer out of range");
  }
}
