import type { Clock } from "../../runtime/clock.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import type { VerificationKey } from "../key-ring/types.ts";

/** How many bytes of a frame cost one try: about what a try of a small one takes. */
const BYTES_PER_TRY = 4096;
/** How many tries the largest frame costs that gets one: 64 KiB. */
const MOST_TRIES = 16;
/** The tries of all unknown keys together, as a share of those of one known key. */
const UNKNOWN_SHARE = 0.1;

/** Limits the second tries of frames: so many a second for each known key, and a tenth of that, which adds up to the largest frame, for all unknown ones together. */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #known = new WeakMap<VerificationKey, TokenBucket>();
  readonly #unknown: TokenBucket;

  /** `perSecond`: tries of 4 KiB; 0 allows none. */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    const rate = perSecond * UNKNOWN_SHARE;
    // Room for one frame of any size, or it would tell at once that its key is unknown.
    this.#unknown = new TokenBucket(clock, rate, Math.max(rate, Math.min(perSecond, MOST_TRIES)));
  }

  /** Takes a try of a frame of so many bytes, signed with a known key or, `undefined`, an unknown one. False if there is none. */
  take(key: VerificationKey | undefined, bytes: number): boolean {
    return this.#perSecond > 0 && this.#bucket(key).take(this.#cost(bytes));
  }

  /** Gives it back: it took next to nothing. */
  giveBack(key: VerificationKey | undefined, bytes: number): void {
    this.#bucket(key).give(this.#cost(bytes));
  }

  /** The largest frame must be possible where there are few tries a second. */
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
