import type { Expiries, LogRows, RemovalTimes } from "./nonce-log.ts";

interface Interval extends LogRows, Expiries {
  /** Monotonic time by which all rows had been written, in milliseconds. */
  readonly endedAtMs: number;
}

const NONE: Expiries = { firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY };

/**
 * Tracks the age of the nonce log's rows by the monotonic clock, and the range of their expiry times. The precision is
 * the time between two calls of {@link note}. No index must therefore be written with each row. The age of rows that
 * existed when the store was opened is counted from that time.
 */
export class NonceAges {
  /** The rows written between two notes that may still exist, oldest first. */
  #intervals: readonly Interval[];
  #lastSeq: number;
  /** The expiry times of the rows written since the last note. */
  #expiries = NONE;

  constructor(nowMs: number, lastSeq: number, { firstMs, lastMs }: Expiries = NONE) {
    this.#lastSeq = lastSeq;
    this.#intervals = lastSeq === 0 ? [] : [{ endedAtMs: nowMs, afterSeq: 0, lastSeq, firstMs, lastMs }];
  }

  /** Records the expiry time of a new row. */
  written(expiresAtMs: number): void {
    const { firstMs, lastMs } = this.#expiries;
    this.#expiries = { firstMs: Math.min(firstMs, expiresAtMs), lastMs: Math.max(lastMs, expiresAtMs) };
  }

  /** Records the number of the newest row at a monotonic time. */
  note(nowMs: number, lastSeq: number): void {
    if (lastSeq === this.#lastSeq) return;
    const rows = { afterSeq: this.#lastSeq, lastSeq };
    this.#intervals = [...this.#intervals, { endedAtMs: nowMs, ...rows, ...this.#expiries }];
    this.#lastSeq = lastSeq;
    this.#expiries = NONE;
  }

  /** The intervals that were complete at monotonic time `atMs` and contain rows to remove. */
  due(atMs: number, { expiredByMs, aheadFromMs }: RemovalTimes): readonly LogRows[] {
    return this.#intervals.filter(
      ({ endedAtMs, firstMs, lastMs }) => endedAtMs <= atMs && (firstMs <= expiredByMs || lastMs > aheadFromMs),
    );
  }

  /** Records that all of these rows were removed. */
  gone(rows: LogRows): void {
    this.#intervals = this.#intervals.filter(({ lastSeq }) => lastSeq !== rows.lastSeq);
  }
}
