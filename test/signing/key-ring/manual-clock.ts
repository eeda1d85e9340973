import { type Clock, systemClock } from "../../../src/runtime/clock.ts";

/** A clock whose timers run when the test says so. */
export class ManualClock implements Clock {
  readonly #timers = new Map<() => void, number>();
  nowMs = systemClock.nowMs;
  monotonicMs = systemClock.monotonicMs;

  after(delayMs: number, callback: () => void): Disposable {
    this.#timers.set(callback, delayMs);
    return { [Symbol.dispose]: () => this.#timers.delete(callback) };
  }

  /** How many timers of this delay wait. */
  waiting(delayMs: number): number {
    return [...this.#timers.values()].filter((each) => each === delayMs).length;
  }

  /** Runs the timers that wait with this delay. */
  run(delayMs: number): void {
    for (const [callback, each] of [...this.#timers]) {
      if (each !== delayMs) continue;
      this.#timers.delete(callback);
      callback();
    }
  }
}
