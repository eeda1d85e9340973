import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type MapKey, readMapKey } from "../validation/map-key.ts";
import { ENUM, type FieldPlan, MESSAGE, type MessagePlan, messagePlan } from "../validation/message-plan.ts";
import { checkStrict, type StrictOptions } from "../validation/strict.ts";
import { ReverseWriter } from "../wire/reverse-writer.ts";
import { FIXED64, LENGTH_DELIMITED, VARINT, WireCursor } from "../wire/wire-cursor.ts";

/**
 * Re-encodes a message in canonical form (docs/protocol-server.md, Canonical form): fields in ascending number, each once,
 * defaults of implicit-presence fields omitted, lists packed as declared, shortest varints, map entries sorted (text by
 * UTF-8 bytes, numbers by value) with key and value both written. The value of an Any is opaque and copied unchanged.
 *
 * Pure-Python protobuf with `deterministic=True` and Go with `Deterministic` write the same bytes, except that Go's
 * dynamicpb writes members of oneofs last. Python's default implementation (upb) sorts maps in a different order, which
 * changed between versions.
 *
 * The bytes are first checked with {@link checkStrict}. Throws StrictError. Without `unambiguous`, the last entry of a
 * repeated map key is kept and integers are truncated to their type, as decoders do.
 *
 * @example
 * ```ts
 * const desc = messageDesc(readImage(...descriptors), "greet.v1.GreetRequest");
 * const canonical = canonicalize(bytes, desc, { unambiguous: true });
 * ```
 */
export function canonicalize(bytes: Uint8Array, desc: DescMessage, options: StrictOptions = {}): Buffer {
  checkStrict(bytes, desc, options);
  return canonicalizeChecked(bytes, desc);
}

/** As {@link canonicalize}, for bytes that have already passed {@link checkStrict}. */
export function canonicalizeChecked(bytes: Uint8Array, desc: DescMessage): Buffer {
  return new CanonicalWriter(bytes).write(messagePlan(desc));
}

/** Start and end positions of one field's values, as consecutive pairs, in the order received. */
type Spans = number[];

interface Entry {
  readonly key: MapKey;
  readonly keySpan: Spans;
  readonly valueSpan: Spans;
}

const ABSENT: Spans = [-1, -1];

/** Writes the canonical form of well-formed bytes, last field first. */
class CanonicalWriter {
  readonly #cursor: WireCursor;
  readonly #out: ReverseWriter;

  constructor(bytes: Uint8Array) {
    this.#cursor = new WireCursor(bytes);
    this.#out = new ReverseWriter(bytes.length);
  }

  write(plan: MessagePlan): Buffer {
    this.#message(plan, this.#cursor.bytes.length);
    return this.#out.finish();
  }

  #message(plan: MessagePlan, end: number): void {
    const spans = this.#collect(plan, end);
    for (let i = plan.fields.length - 1; i >= 0; i--) {
      const field = plan.fields[i] as FieldPlan;
      const own = spans.get(field);
      if (own === undefined) continue;
      if (field.isMap) this.#map(field, own);
      else if (field.packed) this.#packed(field, own);
      else this.#each(field, own);
    }
  }

  /**
   * Finds the values of each field. Packed lists are split into values, except lists of fixed-width values, which are
   * copied whole.
   */
  #collect(plan: MessagePlan, end: number): Map<FieldPlan, Spans> {
    const cursor = this.#cursor;
    const spans = new Map<FieldPlan, Spans>();
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      const field = plan.byNumber.get(tag >>> 3) as FieldPlan;
      const own = spans.get(field) ?? [];
      spans.set(field, own);
      if ((tag & 7) === LENGTH_DELIMITED) {
        const last = cursor.delimited(end);
        if (field.wireType === LENGTH_DELIMITED) own.push(cursor.pos, last);
        else this.#takeApart(field, last, own);
        cursor.pos = last;
      } else {
        own.push(cursor.pos, end);
        cursor.skip(tag & 7, end);
        own[own.length - 1] = cursor.pos;
      }
    }
    return spans;
  }

  #takeApart(field: FieldPlan, end: number, own: Spans): void {
    const cursor = this.#cursor;
    if (field.packed && field.wireType !== VARINT) {
      own.push(cursor.pos, end);
      return;
    }
    while (cursor.pos < end) {
      own.push(cursor.pos, end);
      cursor.skip(field.wireType, end);
      own[own.length - 1] = cursor.pos;
    }
  }

  #each(field: FieldPlan, own: Spans): void {
    for (let i = own.length - 2; i >= 0; i -= 2) {
      const start = own[i] as number;
      const end = own[i + 1] as number;
      if (field.implicit && this.#isDefault(field, start, end)) continue;
      this.#value(field, start, end);
      this.#tag(field, field.wireType);
    }
  }

  #packed(field: FieldPlan, own: Spans): void {
    const before = this.#out.length;
    for (let i = own.length - 2; i >= 0; i -= 2) this.#value(field, own[i] as number, own[i + 1] as number);
    if (this.#out.length === before) return;
    this.#out.varint(this.#out.length - before);
    this.#tag(field, LENGTH_DELIMITED);
  }

  #map(field: FieldPlan, own: Spans): void {
    const plan = field.message as MessagePlan;
    const [key, value] = plan.fields as readonly [FieldPlan, FieldPlan];
    const entries = new Map<MapKey, Entry>();
    for (let i = 0; i < own.length; i += 2) {
      const entry = this.#entry(plan, own[i] as number, own[i + 1] as number);
      entries.set(entry.key, entry);
    }
    for (const entry of [...entries.values()].sort((a, b) => (a.key < b.key ? 1 : -1))) {
      const before = this.#out.length;
      this.#member(value, entry.valueSpan);
      this.#member(key, entry.keySpan);
      this.#out.varint(this.#out.length - before);
      this.#tag(field, LENGTH_DELIMITED);
    }
  }

  #entry(plan: MessagePlan, start: number, end: number): Entry {
    const cursor = this.#cursor;
    cursor.pos = start;
    const key = plan.fields[0] as FieldPlan;
    let keySpan = ABSENT;
    let valueSpan = ABSENT;
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      const isDelimited = (tag & 7) === LENGTH_DELIMITED;
      const last = isDelimited ? cursor.delimited(end) : end;
      const from = cursor.pos;
      if (isDelimited) cursor.pos = last;
      else cursor.skip(tag & 7, end);
      if (tag >>> 3 === key.number) keySpan = [from, cursor.pos];
      else valueSpan = [from, cursor.pos];
    }
    const found = readMapKey(cursor, key, keySpan[0] as number, keySpan[1] as number);
    return { key: found, keySpan, valueSpan };
  }

  /** Writes the key or the value of a map entry, or its default if it is absent. */
  #member(field: FieldPlan, span: Spans): void {
    const start = span[0] as number;
    if (start >= 0) this.#value(field, start, span[1] as number);
    else if (field.wireType === VARINT || field.wireType === LENGTH_DELIMITED) this.#out.varint(0);
    else this.#out.zeros(field.wireType === FIXED64 ? 8 : 4);
    this.#tag(field, field.wireType);
  }

  #value(field: FieldPlan, start: number, end: number): void {
    const cursor = this.#cursor;
    const out = this.#out;
    if (field.wireType === VARINT) {
      cursor.pos = start;
      cursor.varint(end);
      const { type } = field;
      if (type === ScalarType.BOOL) out.varint((cursor.lo | cursor.hi) === 0 ? 0 : 1);
      else if (is32Bit(type)) out.varint(cursor.lo, isSigned(type) && cursor.lo >= 0x80000000 ? 0xffffffff : 0);
      else out.varint(cursor.lo, cursor.hi);
    } else if (field.type === MESSAGE) {
      const before = out.length;
      cursor.pos = start;
      this.#message(field.message as MessagePlan, end);
      out.varint(out.length - before);
    } else {
      out.copy(cursor.bytes, start, end);
      if (field.wireType === LENGTH_DELIMITED) out.varint(end - start);
    }
  }

  /** True if the value is the default of its type. -0 is not, because its sign bit is set. */
  #isDefault(field: FieldPlan, start: number, end: number): boolean {
    if (field.wireType === LENGTH_DELIMITED) return start === end;
    const cursor = this.#cursor;
    if (field.wireType === VARINT) {
      cursor.pos = start;
      cursor.varint(end);
      return cursor.lo === 0 && (cursor.hi === 0 || is32Bit(field.type));
    }
    for (let i = start; i < end; i++) if (cursor.bytes[i] !== 0) return false;
    return true;
  }

  #tag(field: FieldPlan, wireType: number): void {
    this.#out.varint(((field.number << 3) | wireType) >>> 0);
  }
}

function isSigned(type: number): boolean {
  return type === ScalarType.INT32 || type === ENUM;
}

/** True for 32-bit integers. Decoders drop the upper half of their varints. */
function is32Bit(type: number): boolean {
  return isSigned(type) || type === ScalarType.UINT32 || type === ScalarType.SINT32;
}
