import { ScalarType } from "@bufbuild/protobuf";
import { FIXED32, VARINT, type WireCursor } from "../wire/wire-cursor.ts";
import type { FieldPlan } from "./message-plan.ts";

/**
 * The key of a map entry. A text is its UTF-8 bytes decoded as Latin-1, so that `<` compares bytes. A 64-bit integer is
 * a bigint.
 */
export type MapKey = string | number | bigint;

/** Reads the key of a map entry from checked bytes, or its default if `start` is negative. */
export function readMapKey(cursor: WireCursor, key: FieldPlan, start: number, end: number): MapKey {
  if (start < 0) return defaultKey(key.type);
  if (key.type === ScalarType.STRING) return cursor.bytes.toString("latin1", start, end);
  cursor.pos = start;
  if (key.wireType === VARINT) {
    cursor.varint(end);
    return varintKey(key.type, cursor.lo, cursor.hi);
  }
  if (key.wireType === FIXED32) {
    return key.type === ScalarType.FIXED32 ? cursor.bytes.readUInt32LE(start) : cursor.bytes.readInt32LE(start);
  }
  return key.type === ScalarType.FIXED64 ? cursor.bytes.readBigUInt64LE(start) : cursor.bytes.readBigInt64LE(start);
}

function defaultKey(type: number): MapKey {
  switch (type) {
    case ScalarType.STRING:
      return "";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 0n;
    default:
      return 0;
  }
}

function varintKey(type: number, lo: number, hi: number): MapKey {
  switch (type) {
    case ScalarType.BOOL:
      return (lo | hi) === 0 ? 0 : 1;
    case ScalarType.UINT32:
      return lo;
    case ScalarType.SINT32:
      return (lo >>> 1) ^ -(lo & 1);
    case ScalarType.UINT64:
      return wide(lo, hi);
    case ScalarType.INT64:
      return BigInt.asIntN(64, wide(lo, hi));
    case ScalarType.SINT64:
      return (wide(lo, hi) >> 1n) ^ -(wide(lo, hi) & 1n);
    default:
      return lo | 0;
  }
}

function wide(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo);
}
