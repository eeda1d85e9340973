import type { Clock } from "./clock.ts";

/** Something that may take only so long. */
export interface Expiring {
  /** Called once when the time is up. */
  expire(): void;
}

/**
 * Ends what takes longer than a time that is the same for all: whoever began first is due first, so that one timer
 * serves everybody and a call costs none.
 */
export class TimeLimit implements Disposable {
  readonly limitMs: number;
  readonly #clock: Clock;
  readonly #dueAtMs = new Map<Expiring, number>();
  #timer: Disposable | undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.limitMs = limitMs;
  }

  /** True if nobody's time is running. */
  get idle(): boolean {
    return this.#dueAtMs.size === 0;
  }

  /** Starts the time of `item`, whose time is not running. */
  begin(item: Expiring): void {
    this.#dueAtMs.set(item, this.#clock.monotonicMs() + this.limitMs);
    this.#timer ??= this.#arm(this.limitMs);
  }

  /** Lets `item` off, whether its time is running or not. */
  end(item: Expiring): void {
    this.#dueAtMs.delete(item);
  }

  /** Lets everybody off. */
  [Symbol.dispose](): void {
    this.#dueAtMs.clear();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #arm(delayMs: number): Disposable {
    return this.#clock.after(delayMs, () => this.#expireDue());
  }

  #expireDue(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const [item, dueAtMs] of this.#dueAtMs) {
      if (dueAtMs > nowMs) {
        this.#timer ??= this.#arm(dueAtMs - nowMs);
        return;
      }
      this.#dueAtMs.delete(item);
      item.expire();
    }
  }
}
