import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/logger.ts";

/** Smaller differences between the clocks do not count as a step, in milliseconds. */
const STEP_MS = 10_000;

/**
 * Compares the wall clock with the monotonic clock since the store was opened, and logs each step once. System sleep
 * also appears as a step, because the monotonic clock stops.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Wall time minus monotonic time when the store was opened. */
  readonly #firstOffsetMs: number;
  #offsetMs: number;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#firstOffsetMs = clock.nowMs() - clock.monotonicMs();
    this.#offsetMs = this.#firstOffsetMs;
  }

  /** The current time without forward steps since the store was opened. */
  steadyMs(): number {
    return Math.min(this.#clock.nowMs(), this.#firstOffsetMs + this.#clock.monotonicMs());
  }

  /** Checks for a step since the last check and logs it. */
  look(): void {
    const offsetMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    const steppedMs = offsetMs - this.#offsetMs;
    if (Math.abs(steppedMs) < STEP_MS) return;
    this.#offsetMs = offsetMs;
    this.#logger.warn(
      { stepped_ms: Math.round(steppedMs) },
      "the clock was set, or the machine slept; nonces are kept until they expire by both clocks",
    );
  }
}
