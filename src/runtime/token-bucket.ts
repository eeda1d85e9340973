import type { Clock } from "./clock.ts";

/** Those who were told to wait are counted up to so many milliseconds' worth of tokens. */
const QUEUE_MOST_MS = 30_000;

/** Limits how much of something there is per second; what is not used adds up to the capacity. */
export class TokenBucket {
  readonly #clock: Clock;
  #perSecond: number;
  #capacity: number;
  #tokens: number;
  #filledAtMs: number;
  /** Tokens that callers were told to come back for, less those that have come since. */
  #queued = 0;

  /** `perSecond`: 0 allows nothing. `capacity`: default one second's worth. */
  constructor(clock: Clock, perSecond: number, capacity = perSecond) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Takes so many tokens. False, and takes none, if there are not as many. */
  take(tokens = 1): boolean {
    this.#fill();
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** Takes so many tokens, also those that are yet to come. Gives the milliseconds until all of them have come. */
  draw(tokens: number): number {
    this.#fill();
    this.#tokens -= tokens;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / this.#perSecond) * 1000);
  }

  /**
   * The milliseconds until there are so many tokens for one who comes after everybody who was told to wait before, and
   * counts as one of those from now on; 0 if there are as many. Nothing is reserved: tokens that are there are given to
   * whoever comes. At most half a minute longer than without the others, who may not come back.
   */
  queueMs(tokens: number): number {
    this.#fill();
    if (this.#tokens >= tokens) return 0;
    const most = (this.#perSecond * QUEUE_MOST_MS) / 1000;
    // The rate may have been lowered since they were told.
    const ahead = Math.min(this.#queued, most);
    this.#queued = Math.min(ahead + tokens, most);
    return Math.ceil(((tokens - this.#tokens + ahead) / this.#perSecond) * 1000);
  }

  /** Another rate and capacity, which count as if they had been there since tokens were last asked for. */
  resize(perSecond: number, capacity: number): void {
    this.#perSecond = perSecond;
    this.#capacity = capacity;
  }

  /** Gives back what was taken for nothing. */
  give(tokens: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + tokens);
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const come = ((nowMs - this.#filledAtMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + come);
    this.#queued = Math.max(0, this.#queued - come);
    this.#filledAtMs = nowMs;
  }
}
