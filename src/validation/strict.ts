import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { MAX_ELEMENTS, MAX_PACKED_VARINTS } from "../wire/limits.ts";
import { LENGTH_DELIMITED, VARINT, WireCursor, WireFormatError } from "../wire/wire-cursor.ts";
import { type MapKey, readMapKey } from "./map-key.ts";
import { ENUM, type FieldPlan, MESSAGE, type MessagePlan, messagePlan } from "./message-plan.ts";

/** Deepest nesting of messages, the outermost counted, map entries too: what decoders of other languages allow. */
export const MAX_DEPTH = 100;

/** How strict {@link checkStrict} is. */
export interface StrictOptions {
  /**
   * Refuses also what different encoders never write differently for one value: padded varints, bools other than 0 and
   * 1, integers out of their type's range, repeated map keys, and any google.protobuf.Any, whose bytes have no
   * canonical form. Default: false.
   */
  readonly unambiguous?: boolean;
  /** Finds lists that are longer than `repeated.max_items` of their field allows, too. Default: false. */
  readonly listLengths?: boolean;
  /** Refuses a google.protobuf.Value with a number that is not finite, which has no JSON. Default: false. */
  readonly jsonNumbers?: boolean;
  /** Passes over fields that the contract does not have, at every depth. For messages of a newer peer. Default: false. */
  readonly unknownFields?: boolean;
}

/** A list that is longer than its field's rules allow. */
export interface LongList {
  /** Dotted names of the fields down to the list. */
  readonly path: string;
  readonly mostItems: number;
}

/** Says where and why bytes are not a strict encoding of a message. Holds names and numbers from the contract only. */
export class StrictError extends Error {
  override readonly name = "StrictError";
  /** Dotted names of the fields down to the one at fault; "" for the message itself. */
  readonly path: string;
  /** What is wrong, in a few words. */
  readonly problem: string;

  constructor(path: string, problem: string) {
    super(path === "" ? problem : `${path}: ${problem}`);
    this.path = path;
    this.problem = problem;
  }
}

/**
 * Checks that bytes are a strict encoding of a message at every depth: no unknown field or value of a closed enum, no
 * singular field or oneof twice, no bad UTF-8, zero tag, group, wrong wire type or truncated value, at most
 * {@link MAX_DEPTH} levels, {@link MAX_ELEMENTS} elements and {@link MAX_PACKED_VARINTS} packed varints. Extensions count
 * as unknown. The value inside an Any is opaque. Lists may stand packed or not. Returns the lists that are too long, if
 * `listLengths` is set. Throws {@link StrictError}.
 */
export function checkStrict(bytes: Uint8Array, desc: DescMessage, options: StrictOptions = {}): readonly LongList[] {
  const parse = new StrictParse(new WireCursor(bytes, options.unambiguous === true), options);
  parse.run(messagePlan(desc), options.listLengths === true);
  return parse.longLists;
}

const ANY = "google.protobuf.Any";

class StrictParse {
  readonly #cursor: WireCursor;
  readonly #unambiguous: boolean;
  readonly #unknownFields: boolean;
  readonly #jsonNumbers: boolean;
  /** Names of the fields that are being read, outermost first. */
  readonly #path: string[] = [];
  readonly longLists: LongList[] = [];
  #elements = 0;
  #packedVarints = 0;

  constructor(cursor: WireCursor, { unambiguous = false, unknownFields = false, jsonNumbers = false }: StrictOptions) {
    this.#cursor = cursor;
    this.#unambiguous = unambiguous;
    this.#unknownFields = unknownFields;
    this.#jsonNumbers = jsonNumbers;
  }

  run(plan: MessagePlan, listLengths: boolean): void {
    try {
      this.#message(plan, this.#cursor.bytes.length, 1, listLengths);
    } catch (error) {
      if (error instanceof WireFormatError) throw new StrictError(this.#path.join("."), error.message);
      throw error;
    }
  }

  #message(plan: MessagePlan, end: number, depth: number, listLengths: boolean): void {
    this.#element();
    if (depth > MAX_DEPTH) throw new WireFormatError(`more than ${MAX_DEPTH} levels deep`);
    if (this.#unambiguous && plan.typeName === ANY) throw new WireFormatError("an Any, which has no canonical form");
    const cursor = this.#cursor;
    let filled = 0;
    let filledFurther: Set<number> | undefined;
    let keys: Map<FieldPlan, Set<MapKey>> | undefined;
    let lengths: Map<FieldPlan, number> | undefined;
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      const field = plan.byNumber.get(tag >>> 3);
      if (field === undefined) {
        if (!this.#unknownFields) throw new WireFormatError(`unknown field number ${tag >>> 3}`);
        cursor.skip(tag & 7, end);
        continue;
      }
      this.#path.push(field.name);
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
      if ((tag & 7) === field.wireType) this.#value(field, end, depth, listLengths && !field.unruled);
      else if (field.packable && (tag & 7) === LENGTH_DELIMITED) items = this.#packed(field, end);
      else throw new WireFormatError(`wire type ${tag & 7} instead of ${field.wireType}`);
      if (field.isMap && this.#unambiguous) {
        keys ??= new Map();
        this.#newKey(field, start, keys);
      }
      if (listLengths && field.mostItems !== Number.POSITIVE_INFINITY) {
        lengths ??= new Map();
        this.#lengthen(field, items, lengths);
      }
      this.#path.pop();
    }
  }

  /** Counts a message, a map's entry, or a value of a list that is not packed: each costs its reader an object or so. */
  #element(): void {
    this.#elements += 1;
    if (this.#elements > MAX_ELEMENTS) {
      throw new WireFormatError(`more than ${MAX_ELEMENTS} messages, map entries and values of unpacked lists in all`);
    }
  }

  #lengthen(field: FieldPlan, items: number, lengths: Map<FieldPlan, number>): void {
    const before = lengths.get(field) ?? 0;
    lengths.set(field, before + items);
    const { mostItems } = field;
    if (before <= mostItems && before + items > mostItems)
      this.longLists.push({ path: this.#path.join("."), mostItems });
  }

  /** Returns how many values there are. */
  #packed(field: FieldPlan, end: number): number {
    const cursor = this.#cursor;
    const last = cursor.delimited(end);
    let items = 0;
    for (; cursor.pos < last; items += 1) this.#scalar(field, last);
    if (field.wireType === VARINT) {
      this.#packedVarints += items;
      if (this.#packedVarints > MAX_PACKED_VARINTS) {
        throw new WireFormatError(`more than ${MAX_PACKED_VARINTS} packed varints in all`);
      }
    }
    return items;
  }

  #value(field: FieldPlan, end: number, depth: number, listLengths: boolean): void {
    if (field.type === MESSAGE) {
      const last = this.#cursor.delimited(end);
      this.#message(field.message as MessagePlan, last, depth + 1, listLengths);
      this.#cursor.pos = last;
      return;
    }
    if (field.slot < 0) this.#element();
    this.#scalar(field, end);
  }

  #scalar(field: FieldPlan, end: number): void {
    const cursor = this.#cursor;
    if (field.wireType === VARINT) {
      cursor.varint(end);
      if (this.#unambiguous) checkRange(field.type, cursor.lo, cursor.hi);
      if (field.closed?.has(cursor.lo | 0) === false) throw new WireFormatError(`unknown enum value ${cursor.lo | 0}`);
    } else if (field.wireType === LENGTH_DELIMITED) {
      const last = cursor.delimited(end);
      if (field.type === ScalarType.STRING) cursor.utf8(cursor.pos, last);
      cursor.pos = last;
    } else {
      cursor.skip(field.wireType, end);
      if (field.isJsonNumber && this.#jsonNumbers && !isFiniteDouble(cursor.bytes, cursor.pos - 8)) {
        throw new WireFormatError("a number that is not finite, which JSON cannot hold");
      }
    }
  }

  /** Refuses a key that an earlier entry of the same map has. The entry at `start` has just been checked. */
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

/** True unless all bits of the exponent are set (IEEE 754). */
function isFiniteDouble(bytes: Uint8Array, start: number): boolean {
  const [high = 0, low = 0] = [bytes[start + 7], bytes[start + 6]];
  return (high & 0x7f) !== 0x7f || (low & 0xf0) !== 0xf0;
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
