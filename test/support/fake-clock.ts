import type { Clock } from "../../src/runtime/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A clock that only a test advances. */
export class FakeClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  readonly #timers = new Set<Timer>();
  /** Called whenever the wall clock moves, before anything that becomes due. */
  moved: (nowMs: number) => void = () => {};

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  /** Number of pending timers. */
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

  /** Advances the clock and fires all due timers, earliest first. */
  advance(ms: number): void {
    this.#nowMs += ms;
    this.#monotonicMs += ms;
    this.moved(this.#nowMs);
    const due = [...this.#timers].filter((timer) => timer.dueMs <= this.#monotonicMs);
    for (const timer of due.sort((one, other) => one.dueMs - other.dueMs)) {
      if (this.#timers.delete(timer)) timer.callback();
    }
  }

  /** Changes only the wall clock, as an operator or NTP does. */
  step(ms: number): void {
    this.#nowMs += ms;
    this.moved(this.#nowMs);
  }
}
