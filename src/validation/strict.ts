import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
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
  /** What rules say of lists: those that are too long are found, too. Default: nothing. */
  readonly listRules?: ListRulesOf;
  /** Refuses a google.protobuf.Value with a number that is not finite, which has no JSON. Default: false. */
  readonly jsonNumbers?: boolean;
  /** Passes over fields that the contract does not have, at every depth. For messages of a newer peer. Default: false. */
  readonly unknownFields?: boolean;
  /** Allows any number of elements and packed varints, for what no caller has sent. Default: false. */
  readonly unbounded?: boolean;
}

/** What the rules say of a field that can be told from its bytes. */
export interface ListRules {
  /** Most items of a list by the rule `repeated.max_items`; Infinity if there is none. */
  readonly mostItems: number;
  /** True if the rules leave what stands in the field's messages alone. */
  readonly unruled: boolean;
}

/** Finds the rules of a field. */
export type ListRulesOf = (field: DescField) => ListRules;

/** A list that is longer than its field's rules allow. */
export interface LongList {
  /** Dotted names of the fields down to the list. */
  readonly path: string;
  readonly mostItems: number;
}

/**
 * Says where and why bytes are not a strict encoding of a message. Holds names and numbers from the contract only.
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
 * there are `listRules`. Throws {@link StrictError}.
 */
export function checkStrict(bytes: Uint8Array, desc: DescMessage, options: StrictOptions = {}): readonly LongList[] {
  const parse = new StrictParse(new WireCursor(bytes, options.unambiguous === true), options);
  parse.run(messagePlan(desc), options.listRules);
  return parse.longLists;
}

const ANY = "google.protobuf.Any";

class StrictParse {
  readonly #cursor: WireCursor;
  readonly #unambiguous: boolean;
  readonly #unknownFields: boolean;
  readonly #jsonNumbers: boolean;
  readonly #unbounded: boolean;
  /** Names of the fields that are being read, outermost first. */
  readonly #path: string[] = [];
  readonly longLists: LongList[] = [];
  #elements = 0;
  #packedVarints = 0;

  constructor(cursor: WireCursor, options: StrictOptions) {
    this.#cursor = cursor;
    this.#unambiguous = options.unambiguous === true;
    this.#unknownFields = options.unknownFields === true;
    this.#jsonNumbers = options.jsonNumbers === true;
    this.#unbounded = options.unbounded === true;
  }

  run(plan: MessagePlan, listRules: ListRulesOf | undefined): void {
    try {
      this.#message(plan, this.#cursor.bytes.length, 1, listRules);
    } catch (error) {
      if (error instanceof WireFormatError) throw new StrictError(this.#path.join("."), error.message);
      throw error;
    }
  }

  #message(plan: MessagePlan, end: number, depth: number, listRules: ListRulesOf | undefined): void {
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
      const rules = field.desc && listRules?.(field.desc);
      if ((tag & 7) === field.wireType) this.#value(field, end, depth, rules?.unruled ? undefined : listRules);
      else if (field.packable && (tag & 7) === LENGTH_DELIMITED) items = this.#packed(field, end);
      else throw new WireFormatError(`wire type ${tag & 7} instead of ${field.wireType}`);
      if (field.isMap && this.#unambiguous) {
        keys ??= new Map();
        this.#newKey(field, start, keys);
      }
      if (rules !== undefined && rules.mostItems !== Number.POSITIVE_INFINITY) {
        lengths ??= new Map();
        this.#lengthen(field, { items, mostItems: rules.mostItems }, lengths);
      }
      this.#path.pop();
    }
  }

  /** Counts a message, a map's entry, or a value of a list that is not packed: each costs its reader an object or so. */
  #element(): void {
    this.#elements += 1;
    if (this.#elements > MAX_ELEMENTS && !this.#unbounded) {
      throw new WireFormatError(`more than ${MAX_ELEMENTS} messages, map entries and values of unpacked lists in all`);
    }
  }

  #lengthen(
    field: FieldPlan,
    { items, mostItems }: { readonly items: number; readonly mostItems: number },
    lengths: Map<FieldPlan, number>,
  ): void {
    const before = lengths.get(field) ?? 0;
    lengths.set(field, before + items);
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
      if (this.#packedVarints > MAX_PACKED_VARINTS && !this.#unbounded) {
        throw new WireFormatError(`more than ${MAX_PACKED_VARINTS} packed varints in all`);
      }
    }
    return items;
  }

  #value(field: FieldPlan, end: number, depth: number, listRules: ListRulesOf | undefined): void {
    if (field.type === MESSAGE) {
      const last = this.#cursor.delimited(end);
      this.#message(field.message as MessagePlan, last, depth + 1, listRules);
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
      if (field.isJsonNumber && this.#jsonNumbers && !Number.isFinite(cursor.bytes.readDoubleLE(cursor.pos - 8))) {
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
