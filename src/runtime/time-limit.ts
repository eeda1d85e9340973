import type { Clock } from "./clock.ts";
import { LinkedList, type Place } from "./linked-list.ts";

/** Something that may take only so long. */
export interface Expiring {
  /** Called once when the time is up. */
  expire(): void;
}

/** An item whose time runs, and when it is up. */
interface Due {
  readonly item: Expiring;
  readonly atMs: number;
}

/** The time of one item in a {@link TimeLimit}. */
export type RunningTime = Place<Due>;

/**
 * Ends what takes longer than a time that is the same for all: whoever began first is due first, so that one timer
 * serves everybody and a call costs none.
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

  /** True if nobody's time is running. */
  get idle(): boolean {
    return this.#due.size === 0;
  }

  /** Starts the time of `item`. */
  begin(item: Expiring): RunningTime {
    const time = this.#due.add({ item, atMs: this.#clock.monotonicMs() + this.limitMs });
    this.#timer ??= this.#arm(this.limitMs);
    return time;
  }

  /** Lets an item off, whether its time is still running or not. */
  end(time: RunningTime): void {
    this.#due.remove(time);
  }

  /** Lets everybody off. */
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
