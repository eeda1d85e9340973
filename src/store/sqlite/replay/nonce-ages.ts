import type { Expiries, LogRows, RemovalTimes } from "./nonce-log.ts";

interface Interval extends LogRows, Expiries {
  /** When the last of its rows was there, by the monotonic clock, in milliseconds. */
  readonly endedAtMs: number;
}

const NONE: Expiries = { firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY };

/**
 * Tells how old the rows of the nonce log are by the monotonic clock, as nearly as the time between two notes, and between
 * which times they expire: so no index has to be written with each. Rows that were there when the store was opened count
 * from then.
 */
export class NonceAges {
  /** The rows from one note to the next that may still be there, oldest first. */
  #intervals: readonly Interval[];
  #lastSeq: number;
  /** Those of the rows since the last note. */
  #expiries = NONE;

  constructor(nowMs: number, lastSeq: number, { firstMs, lastMs }: Expiries = NONE) {
    this.#lastSeq = lastSeq;
    this.#intervals = lastSeq === 0 ? [] : [{ endedAtMs: nowMs, afterSeq: 0, lastSeq, firstMs, lastMs }];
  }

  /** A row is written that expires then. */
  written(expiresAtMs: number): void {
    const { firstMs, lastMs } = this.#expiries;
    this.#expiries = { firstMs: Math.min(firstMs, expiresAtMs), lastMs: Math.max(lastMs, expiresAtMs) };
  }

  /** Notes the newest row there is at a monotonic time. */
  note(nowMs: number, lastSeq: number): void {
    if (lastSeq === this.#lastSeq) return;
    const rows = { afterSeq: this.#lastSeq, lastSeq };
    this.#intervals = [...this.#intervals, { endedAtMs: nowMs, ...rows, ...this.#expiries }];
    this.#lastSeq = lastSeq;
    this.#expiries = NONE;
  }

  /** Where there are rows to remove that were there at or before a monotonic time. */
  due(atMs: number, { expiredByMs, aheadFromMs }: RemovalTimes): readonly LogRows[] {
    return this.#intervals.filter(
      ({ endedAtMs, firstMs, lastMs }) => endedAtMs <= atMs && (firstMs <= expiredByMs || lastMs > aheadFromMs),
    );
  }

  /** All of these rows are gone. */
  gone(rows: LogRows): void {
    this.#intervals = this.#intervals.filter(({ lastSeq }) => lastSeq !== rows.lastSeq);
  }
}
