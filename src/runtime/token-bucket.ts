import type { Clock } from "./clock.ts";

/** Limits how much of something there is per second; what is not used adds up to the capacity. */
export class TokenBucket {
  readonly #clock: Clock;
  #perSecond: number;
  #capacity: number;
  #tokens: number;
  #filledAtMs: number;

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

  /** The milliseconds until there are so many tokens; 0 if there are. */
  waitMs(tokens: number): number {
    this.#fill();
    return this.#tokens >= tokens ? 0 : Math.ceil(((tokens - this.#tokens) / this.#perSecond) * 1000);
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
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((nowMs - this.#filledAtMs) * this.#perSecond) / 1000);
    this.#filledAtMs = nowMs;
  }
}
