import type { Clock } from "../../runtime/clock.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import type { VerificationKey } from "../key-ring/types.ts";

/** Bytes of a frame that cost one try. */
const BYTES_PER_TRY = 4096;
/** Cost of the largest frame that is tried, 64 KiB, in tries. */
const MOST_TRIES = 16;
/** Budget of all unknown keys together, as a fraction of the budget of one known key. */
const UNKNOWN_SHARE = 0.1;

/**
 * Limits the second verification attempts in canonical form. Each known key has a budget per second. All unknown keys
 * share a tenth of it, which accumulates up to the cost of the largest frame.
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #known = new WeakMap<VerificationKey, TokenBucket>();
  readonly #unknown: TokenBucket;

  /** `perSecond`: tries of 4 KiB per second and key; 0 allows none. */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    const rate = perSecond * UNKNOWN_SHARE;
    // Has capacity for one frame of any size. Otherwise the response time of a large frame would reveal that its key is
    // unknown.
    this.#unknown = new TokenBucket(clock, rate, Math.max(rate, Math.min(perSecond, MOST_TRIES)));
  }

  /**
   * Takes the cost of a frame with `bytes` bytes from the budget of its key, or of the unknown keys if `key` is
   * `undefined`. Returns false if the budget is exhausted.
   */
  take(key: VerificationKey | undefined, bytes: number): boolean {
    return this.#perSecond > 0 && this.#bucket(key).take(this.#cost(bytes));
  }

  /** Returns the cost of a try that was not made. */
  giveBack(key: VerificationKey | undefined, bytes: number): void {
    this.#bucket(key).give(this.#cost(bytes));
  }

  /** The cost is at most the rate, so that the largest frame can be tried with a small budget. */
  #cost(bytes: number): number {
    return Math.min(this.#perSecond, Math.max(1, bytes / BYTES_PER_TRY));
  }

  #bucket(key: VerificationKey | undefined): TokenBucket {
    if (key === undefined) return this.#unknown;
    let bucket = this.#known.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#clock, this.#perSecond);
      this.#known.set(key, bucket);
    }
    return bucket;
  }
}
