import type { Clock } from "./clock.ts";
import { LinkedList, type Place } from "./linked-list.ts";

/** An operation that has a time limit. */
export interface Expiring {
  /** Called once when the time limit has passed. */
  expire(): void;
}

/** A running time limit and its end. */
interface Due {
  readonly item: Expiring;
  readonly atMs: number;
}

/** Identifies one running time limit in a {@link TimeLimit}. */
export type RunningTime = Place<Due>;

/**
 * Expires operations that take longer than one common limit. The operation that began first expires first, so one timer
 * serves all of them.
 */
export class TimeLimit implements Disposable {
  readonly limitMs: number;
  readonly #clock: Clock;
  readonly #due = new LinkedList<Due>();
  #timer: Disposable | undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.limitMs = limitMs;
  }

  /** True if no time limit is running. */
  get idle(): boolean {
    return this.#due.size === 0;
  }

  /** Starts the time limit of `item`. */
  begin(item: Expiring): RunningTime {
    const time = this.#due.add({ item, atMs: this.#clock.monotonicMs() + this.limitMs });
    this.#timer ??= this.#arm(this.limitMs);
    return time;
  }

  /** The end of a time limit, in Unix milliseconds. */
  endMs(time: RunningTime): number {
    return this.#clock.nowMs() + time.item.atMs - this.#clock.monotonicMs();
  }

  /** Cancels a time limit. Does nothing if it has passed. */
  end(time: RunningTime): void {
    this.#due.remove(time);
  }

  /** Cancels all pending time limits. */
  [Symbol.dispose](): void {
    for (let next = this.#due.first; next !== undefined; next = this.#due.first) this.#due.remove(next);
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #arm(delayMs: number): Disposable {
    return this.#clock.after(delayMs, () => this.#expireDue());
  }

  #expireDue(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let next = this.#due.first; next !== undefined; next = this.#due.first) {
      const { item, atMs } = next.item;
      if (atMs > nowMs) {
        this.#timer ??= this.#arm(atMs - nowMs);
        return;
      }
      this.#due.remove(next);
      item.expire();
    }
  }
}
