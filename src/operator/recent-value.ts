import type { Clock } from "../runtime/clock.ts";

/** Time for which a value is returned again, in milliseconds. */
const KEPT_MS = 1_000;

/** Reads a value at most once per second. Concurrent readers share one read. A failed read is not kept. */
export class RecentValue<T> {
  readonly #read: () => Promise<T>;
  readonly #clock: Clock;
  #value: Promise<T> | undefined;
  #untilMs = 0;

  constructor(clock: Clock, read: () => Promise<T>) {
    this.#clock = clock;
    this.#read = read;
  }

  get(): Promise<T> {
    if (this.#value !== undefined && this.#clock.monotonicMs() < this.#untilMs) return this.#value;
    const value = this.#read();
    this.#value = value;
    this.#untilMs = Number.POSITIVE_INFINITY;
    value.then(
      () => {
        this.#untilMs = this.#clock.monotonicMs() + KEPT_MS;
      },
      () => {
        this.#value = undefined;
      },
    );
    return value;
  }
}
