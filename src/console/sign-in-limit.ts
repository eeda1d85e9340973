import type { Clock } from "../runtime/clock.ts";
import { TokenBucket } from "../runtime/token-bucket.ts";

/** Failed attempts that an address has at once, and how often it gets one back. */
const ATTEMPTS = 10;
const ATTEMPTS_PER_SECOND = 0.1;
/** Failed attempts of all addresses together. */
const ALL_ATTEMPTS = 200;
const ALL_PER_SECOND = 10;
/** Number of addresses that are counted separately. */
const ADDRESSES_MOST = 1_000;

/** Limits how often a sign-in may fail, by address and in all. A sign-in that succeeds costs nothing. */
export class SignInLimit {
  readonly #clock: Clock;
  readonly #all: TokenBucket;
  readonly #byAddress = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = new TokenBucket(clock, ALL_PER_SECOND, ALL_ATTEMPTS);
  }

  /** Takes an attempt. Returns the function that gives it back, or `undefined` if there is none left. */
  take(address: string): (() => void) | undefined {
    const own = this.#bucketOf(address);
    if (!own.take()) return undefined;
    if (!this.#all.take()) {
      own.give(1);
      return undefined;
    }
    return () => {
      own.give(1);
      this.#all.give(1);
    };
  }

  #bucketOf(address: string): TokenBucket {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const [first] = this.#byAddress.keys();
    if (this.#byAddress.size >= ADDRESSES_MOST && first !== undefined) this.#byAddress.delete(first);
    const bucket = new TokenBucket(this.#clock, ATTEMPTS_PER_SECOND, ATTEMPTS);
    this.#byAddress.set(address, bucket);
    return bucket;
  }
}
