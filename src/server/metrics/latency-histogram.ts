/** Number of buckets in which a time doubles. A value is known within 9 %. */
const PER_OCTAVE = 8;
/** Upper bound of the first bucket, in milliseconds. */
const LEAST_MS = 0.05;
/** The last bucket begins above two minutes. */
const BUCKETS = 21 * PER_OCTAVE + 2;

/** Counts times in buckets of logarithmic width. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  add(durationMs: number): void {
    const bucket = durationMs > LEAST_MS ? Math.ceil(Math.log2(durationMs / LEAST_MS) * PER_OCTAVE) : 0;
    this.#count(Math.min(bucket, BUCKETS - 1), 1);
  }

  /** Adds the counts of another histogram. */
  merge(other: LatencyHistogram): void {
    for (const [bucket, count] of other.#counts.entries()) this.#count(bucket, count);
  }

  /** The time, in milliseconds, in which this share of the calls, 0 to 1, ended; 0 if there was none. */
  quantile(share: number): number {
    const rank = Math.max(Math.ceil(this.#total * share), 1);
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      // The geometric middle of the bucket.
      if (seen >= rank) return LEAST_MS * 2 ** ((bucket - 0.5) / PER_OCTAVE);
    }
    return 0;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  #count(bucket: number, more: number): void {
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + more;
    this.#total += more;
  }
}
