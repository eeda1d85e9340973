import { isUtf8 } from "node:buffer";

/** Wire type of varints. */
export const VARINT = 0;
/** Wire type of 8-byte values. */
export const FIXED64 = 1;
/** Wire type of strings, bytes, messages and packed lists. */
export const LENGTH_DELIMITED = 2;
/** Wire type of 4-byte values. */
export const FIXED32 = 5;

/** The accepted wire types, one bit each. */
const WIRE_TYPES = (1 << VARINT) | (1 << FIXED64) | (1 << LENGTH_DELIMITED) | (1 << FIXED32);

/** For shorter texts a check for ASCII is faster than a call of the native UTF-8 check. */
const SHORT_TEXT_BYTES = 64;

/** Bytes that are not well-formed protobuf. The message describes the fault and contains none of the bytes. */
export class WireFormatError extends Error {
  override readonly name = "WireFormatError";
}

/**
 * Reads protobuf bytes without copying them. Refuses input that lenient decoders accept: field number 0, groups,
 * truncated values, varints of more than 64 bits, invalid UTF-8; with `shortest` also varints that are not in their
 * shortest form. Every method throws {@link WireFormatError}.
 */
export class WireCursor {
  readonly bytes: Buffer;
  /** Position of the next byte. */
  pos: number;
  /** Lower 32 bits of the last varint, unsigned. */
  lo = 0;
  /** Upper 32 bits of the last varint, unsigned. */
  hi = 0;
  readonly #shortest: boolean;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, shortest = false) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = 0;
    this.#shortest = shortest;
  }

  /** A view of the same bytes for fixed-width numbers. Created on first access. */
  get view(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view;
  }

  /** Reads a varint into `lo` and `hi`. */
  varint(end: number): void {
    const first = this.pos < end ? (this.bytes[this.pos] as number) : 0x80;
    if (first < 0x80) {
      this.pos += 1;
      this.lo = first;
      this.hi = 0;
      return;
    }
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= end) throw new WireFormatError("truncated");
      const byte = this.bytes[this.pos++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) lo |= bits << shift;
      else if (shift === 28) {
        lo |= bits << 28;
        hi = bits >>> 4;
      } else if (shift < 63) hi |= bits << (shift - 32);
      else if (bits > 1) throw new WireFormatError("varint of more than 64 bits");
      else hi |= bits << 31;
      if (byte < 0x80) {
        if (byte === 0 && this.#shortest) throw new WireFormatError("varint not in its shortest form");
        this.lo = lo >>> 0;
        this.hi = hi >>> 0;
        return;
      }
    }
    throw new WireFormatError("varint of more than 64 bits");
  }

  /** Reads a tag: the field number shifted left by 3, and the wire type. */
  tag(end: number): number {
    const first = this.pos < end ? (this.bytes[this.pos] as number) : 0;
    if (first >= 8 && first < 0x80 && ((WIRE_TYPES >>> (first & 7)) & 1) === 1) {
      this.pos += 1;
      return first;
    }
    this.varint(end);
    const tag = this.lo;
    if (this.hi !== 0) throw new WireFormatError("field number out of range");
    if (tag >>> 3 === 0) throw new WireFormatError("field number 0");
    const wireType = tag & 7;
    if (wireType === 3 || wireType === 4) throw new WireFormatError("group");
    if (wireType > FIXED32) throw new WireFormatError("unknown wire type");
    return tag;
  }

  /** Reads a length and returns the position of the value's end. `pos` is the value's start. */
  delimited(end: number): number {
    const first = this.pos < end ? (this.bytes[this.pos] as number) : 0x80;
    if (first < 0x80) {
      this.pos += 1;
      if (first > end - this.pos) throw new WireFormatError("truncated");
      return this.pos + first;
    }
    this.varint(end);
    if (this.hi !== 0 || this.lo > end - this.pos) throw new WireFormatError("truncated");
    return this.pos + this.lo;
  }

  /** Skips one value of a wire type that {@link WireCursor.tag} accepted. */
  skip(wireType: number, end: number): void {
    if (wireType === VARINT) this.varint(end);
    else if (wireType === LENGTH_DELIMITED) this.pos = this.delimited(end);
    else this.#fixed(wireType === FIXED64 ? 8 : 4, end);
  }

  #fixed(size: number, end: number): void {
    if (end - this.pos < size) throw new WireFormatError("truncated");
    this.pos += size;
  }

  /** Refuses bytes that are not valid UTF-8. Encoded surrogates and overlong forms are invalid. */
  utf8(start: number, end: number): void {
    if (end - start <= SHORT_TEXT_BYTES && this.#isAscii(start, end)) return;
    if (!isUtf8(this.bytes.subarray(start, end))) throw new WireFormatError("text that is not UTF-8");
  }

  #isAscii(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if ((this.bytes[i] as number) >= 0x80) return false;
    return true;
  }
}
