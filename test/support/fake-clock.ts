import type { Clock } from "../../src/runtime/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  readonly #timers = new Set<Timer>();
  /** Called whenever the wall clock moves, before anything that becomes due. */
  moved: (nowMs: number) => void = () => {};

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  /** How many timers are armed. */
  get timers(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): Disposable {
    const timer = { dueMs: this.#monotonicMs + Math.max(delayMs, 0), callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => this.#timers.delete(timer) };
  }

  /** Lets time pass at once, as if the machine had slept: whatever became due fires, the earliest first. */
  advance(ms: number): void {
    this.#nowMs += ms;
    this.#monotonicMs += ms;
    this.moved(this.#nowMs);
    const due = [...this.#timers].filter((timer) => timer.dueMs <= this.#monotonicMs);
    for (const timer of due.sort((one, other) => one.dueMs - other.dueMs)) {
      if (this.#timers.delete(timer)) timer.callback();
    }
  }

  /** Steps the wall clock alone, forth or back, as an operator or NTP does. */
  step(ms: number): void {
    this.#nowMs += ms;
    this.moved(this.#nowMs);
  }
}
