import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type FieldPlan, MESSAGE, type MessagePlan, messagePlan } from "../validation/message-plan.ts";
import { LENGTH_DELIMITED, WireCursor } from "../wire/wire-cursor.ts";

const PROTO_KEY = Buffer.from("__proto__");

/**
 * Decodes a message whose maps may contain the key "__proto__". Generated decoders assign it, which sets the prototype
 * of the map object or does nothing, so that a caller could add inherited properties. Here the key becomes an own
 * property. A codec whose messages are bytes receives them unchanged. `args` must have passed the strict parse.
 */
export function decodeWithProtoKeys(args: Uint8Array, desc: DescMessage, decode: (bytes: Uint8Array) => unknown) {
  const bytes = Buffer.from(args);
  const places = new KeyFinder(bytes).find(messagePlan(desc));
  if (places.length === 0) return decode(args);
  const standIn = absentText(bytes);
  for (const place of places) standIn.copy(bytes, place);
  const input = decode(bytes);
  return ArrayBuffer.isView(input) ? decode(args) : renamed(input, standIn.toString());
}

/** True if a map in the bytes may contain the key "__proto__". */
export function mayHoldProtoKey(args: Uint8Array): boolean {
  return Buffer.from(args.buffer, args.byteOffset, args.byteLength).includes(PROTO_KEY);
}

/** Finds the positions of the key in the maps of a message. */
class KeyFinder {
  readonly #cursor: WireCursor;
  readonly #places: number[] = [];

  constructor(bytes: Buffer) {
    this.#cursor = new WireCursor(bytes);
  }

  find(plan: MessagePlan): readonly number[] {
    this.#message(plan, this.#cursor.bytes.length, undefined);
    return this.#places;
  }

  /** `key`: the key field, in an entry of a map with string keys. */
  #message(plan: MessagePlan, end: number, key: FieldPlan | undefined): void {
    const cursor = this.#cursor;
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      const field = plan.byNumber.get(tag >>> 3);
      if ((tag & 7) !== LENGTH_DELIMITED) {
        cursor.skip(tag & 7, end);
        continue;
      }
      const last = cursor.delimited(end);
      if (field !== undefined && field === key) this.#note(cursor.pos, last);
      else if (field?.type === MESSAGE) this.#message(field.message as MessagePlan, last, keyOf(field));
      cursor.pos = last;
    }
  }

  #note(start: number, end: number): void {
    if (this.#cursor.bytes.subarray(start, end).equals(PROTO_KEY)) this.#places.push(start);
  }
}

function keyOf({ isMap, message }: FieldPlan): FieldPlan | undefined {
  const key = message?.fields[0];
  return isMap && key?.type === ScalarType.STRING ? key : undefined;
}

/** A text of the key's length that does not occur in the bytes. */
function absentText(bytes: Buffer): Buffer {
  for (let count = 0; ; count += 1) {
    const text = Buffer.from(String(count).padStart(PROTO_KEY.length, "_"));
    if (!bytes.includes(text)) return text;
  }
}

/** Renames each property with this name back to "__proto__", at every depth. */
function renamed(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const each of Object.values(value)) renamed(each, name);
  if (value instanceof Map) {
    for (const each of value.values()) renamed(each, name);
    if (value.has(name)) {
      value.set("__proto__", value.get(name));
      value.delete(name);
    }
  } else if (Object.hasOwn(value, name)) {
    const own = value as Record<string, unknown>;
    Object.defineProperty(own, "__proto__", { value: own[name], writable: true, enumerable: true, configurable: true });
    delete own[name];
  }
  return value;
}
