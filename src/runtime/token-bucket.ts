import type { Clock } from "./clock.ts";

/** Longest queue of callers that were told to wait, in milliseconds' worth of tokens. */
const QUEUE_MOST_MS = 30_000;

/** A rate limiter. Unused tokens accumulate up to the capacity. */
export class TokenBucket {
  readonly #clock: Clock;
  #perSecond: number;
  #capacity: number;
  #tokens: number;
  #filledAtMs: number;
  /** Tokens for which callers were told to come back, minus the tokens refilled since. */
  #queued = 0;

  /** `perSecond`: tokens refilled per second; 0 allows nothing. `capacity`: default `perSecond`. */
  constructor(clock: Clock, perSecond: number, capacity = perSecond) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Takes tokens. Returns false, and takes none, if there are not enough. */
  take(tokens = 1): boolean {
    this.#fill();
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** Takes tokens, also ones that are not refilled yet. Returns the milliseconds until all of them are. */
  draw(tokens: number): number {
    this.#fill();
    this.#tokens -= tokens;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / this.#perSecond) * 1000);
  }

  /**
   * Returns the milliseconds until `tokens` are available behind all callers that were told to wait before; 0 if they
   * are available now. From then on the caller counts as waiting, too. Nothing is reserved: any caller takes available
   * tokens. Waiting callers add at most 30 s, because they may not come back.
   */
  queueMs(tokens: number): number {
    this.#fill();
    if (this.#tokens >= tokens) return 0;
    const most = (this.#perSecond * QUEUE_MOST_MS) / 1000;
    // The rate may have been lowered since the last call.
    const ahead = Math.min(this.#queued, most);
    this.#queued = Math.min(ahead + tokens, most);
    return Math.ceil(((tokens - this.#tokens + ahead) / this.#perSecond) * 1000);
  }

  /** Changes rate and capacity. The new rate also applies to the time since the last refill. */
  resize(perSecond: number, capacity: number): void {
    this.#perSecond = perSecond;
    this.#capacity = capacity;
  }

  /** Returns tokens that were taken and not used. */
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
