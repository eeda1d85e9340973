/**
 * Writes bytes from the last to the first. A protobuf message that is written backwards needs no second pass and no
 * copies for the lengths of nested messages, because the nested bytes are complete when their length is written.
 */
export class ReverseWriter {
  #bytes: Buffer;
  /** Start of the bytes written so far, which extend to the end of the buffer. */
  #start: number;

  /** `sizeHint`: expected total length in bytes. */
  constructor(sizeHint: number) {
    this.#bytes = Buffer.allocUnsafe(sizeHint + 64);
    this.#start = this.#bytes.length;
  }

  /** Number of bytes written. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** Prepends `source[start…end)`. */
  copy(source: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    this.#start -= end - start;
    source.copy(this.#bytes, this.#start, start, end);
  }

  /** Prepends zero bytes. */
  zeros(count: number): void {
    this.#reserve(count);
    this.#bytes.fill(0, this.#start - count, this.#start);
    this.#start -= count;
  }

  /** Prepends a varint in its shortest form, given as its lower and upper 32 bits. */
  varint(lo: number, hi = 0): void {
    this.#reserve(10);
    let size = 1;
    for (let l = lo, h = hi; h !== 0 || l > 0x7f; size++) {
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    this.#start -= size;
    let l = lo;
    let h = hi;
    for (let i = 0; i < size - 1; i++) {
      this.#bytes[this.#start + i] = (l & 0x7f) | 0x80;
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    this.#bytes[this.#start + size - 1] = l;
  }

  /** Returns the written bytes. The writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#start);
  }

  #reserve(size: number): void {
    if (size <= this.#start) return;
    const { length } = this;
    const larger = Buffer.allocUnsafe(2 * (length + size));
    this.#bytes.copy(larger, larger.length - length, this.#start);
    this.#start = larger.length - length;
    this.#bytes = larger;
  }
}
