/**
 * Writes bytes from the last to the first. Writing protobuf backwards needs neither a second pass nor copies for the lengths of
 * nested messages: what a length counts is already there when it is written.
 */
export class ReverseWriter {
  #bytes: Buffer;
  /** Where the bytes written so far start; they reach to the end of the buffer. */
  #start: number;

  /** `sizeHint`: expected length in bytes. */
  constructor(sizeHint: number) {
    this.#bytes = Buffer.allocUnsafe(sizeHint + 64);
    this.#start = this.#bytes.length;
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** Puts `source[start…end)` before all that was written. */
  copy(source: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    this.#start -= end - start;
    source.copy(this.#bytes, this.#start, start, end);
  }

  /** Puts zero bytes before all that was written. */
  zeros(count: number): void {
    this.#reserve(count);
    this.#bytes.fill(0, this.#start - count, this.#start);
    this.#start -= count;
  }

  /** Puts a varint before all that was written, given as its lower and upper 32 bits, in its shortest form. */
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

  /** All that was written. The writer must not be used afterwards. */
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
