import type { StampRange } from "../../refused-stamps.ts";

/** Time span of one table, in milliseconds. */
const SPAN_MS = 30_000;
const FIRST_CAPACITY = 1024;

/**
 * Stores nonces in memory as 64 bits of their digest, in tables by the timestamps of their frames. A lookup and
 * insertion takes about a tenth of the time of SQLite, where nearly every random key changes another page. If two
 * nonces share 64 bits of SHA-256, the later one is refused.
 */
export class NonceSet {
  /** Tables by the number of their time span. */
  readonly #tables = new Map<number, FingerprintTable>();

  /** Adds a fingerprint. Returns false if it is present. */
  add(fingerprint: Buffer, tsMs: number): boolean {
    const high = fingerprint.readUInt32LE(0);
    // Zeros mark an empty slot, so a fingerprint must not be zero.
    const low = fingerprint.readUInt32LE(4) || 1;
    for (const table of this.#tables.values()) if (table.has(high, low)) return false;
    this.#tableOf(Math.floor(tsMs / SPAN_MS)).add(high, low, tsMs);
    return true;
  }

  /** Removes the tables whose timestamps are all refused by the caller. */
  forget(isRefused: (stamps: StampRange) => boolean): void {
    for (const [span, table] of this.#tables) if (isRefused(table)) this.#tables.delete(span);
  }

  #tableOf(span: number): FingerprintTable {
    let table = this.#tables.get(span);
    if (table === undefined) {
      table = new FingerprintTable();
      this.#tables.set(span, table);
    }
    return table;
  }
}

/** A hash table with open addressing. Fingerprints are uniformly distributed and serve as hashes. */
class FingerprintTable implements StampRange {
  fromMs = Number.POSITIVE_INFINITY;
  toMs = Number.NEGATIVE_INFINITY;
  #places = new Uint32Array(2 * FIRST_CAPACITY);
  #held = 0;

  has(high: number, low: number): boolean {
    return this.#places[this.#find(high, low) + 1] !== 0;
  }

  add(high: number, low: number, tsMs: number): void {
    if (this.#held * 4 >= this.#places.length) this.#grow();
    const place = this.#find(high, low);
    this.#places[place] = high;
    this.#places[place + 1] = low;
    this.#held += 1;
    if (tsMs < this.fromMs) this.fromMs = tsMs;
    if (tsMs > this.toMs) this.toMs = tsMs;
  }

  /** The slot of the fingerprint, or the empty slot for it. */
  #find(high: number, low: number): number {
    const places = this.#places;
    const last = places.length - 2;
    let place = (low << 1) & last;
    while (places[place + 1] !== 0 && !(places[place] === high && places[place + 1] === low))
      place = (place + 2) & last;
    return place;
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Uint32Array(2 * before.length);
    for (let from = 0; from < before.length; from += 2) {
      const [high = 0, low = 0] = [before[from], before[from + 1]];
      if (low === 0) continue;
      const place = this.#find(high, low);
      this.#places[place] = high;
      this.#places[place + 1] = low;
    }
  }
}
