import type { StampRange } from "../../refused-stamps.ts";

/** The span of stamps of one table, in milliseconds. */
const SPAN_MS = 30_000;
const FIRST_CAPACITY = 1024;

/**
 * Remembers nonces in memory by 64 bits of their digest, a few bytes each, by the stamps of their frames. Looking
 * one up and adding it takes about a tenth of what it takes SQLite, whose tree of random keys has a page of its own
 * changed by nearly every nonce. Two nonces that share 64 bits of SHA-256 by chance, or by more work than anybody can
 * do, would only have the later one refused.
 */
export class NonceSet {
  /** By the number of their span of stamps. */
  readonly #tables = new Map<number, FingerprintTable>();

  /** True if the fingerprint was not there, or is no longer after {@link forget}. */
  add(fingerprint: Buffer, tsMs: number): boolean {
    const high = fingerprint.readUInt32LE(0);
    // An empty place holds zeros, so no fingerprint may.
    const low = fingerprint.readUInt32LE(4) || 1;
    for (const table of this.#tables.values()) if (table.has(high, low)) return false;
    this.#tableOf(Math.floor(tsMs / SPAN_MS)).add(high, low, tsMs);
    return true;
  }

  /** Forgets the tables all of whose stamps are refused by whoever asks. */
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

/** A hash table with open addressing; fingerprints are spread evenly by what they are. */
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

  /** Where the fingerprint is, or would go. */
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
