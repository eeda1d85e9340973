import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/logger.ts";

/** Differences between the clocks below this are no step, in milliseconds. */
const STEP_MS = 10_000;

/**
 * Compares the wall clock with the monotonic one since the store was opened, and says once of each step. A machine that
 * slept is seen as a step, too: the monotonic clock stood still.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Wall time minus monotonic time. */
  readonly #firstOffsetMs: number;
  #offsetMs: number;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#firstOffsetMs = clock.nowMs() - clock.monotonicMs();
    this.#offsetMs = this.#firstOffsetMs;
  }

  /** The time now, or what it would be without the steps forward since the store was opened. */
  steadyMs(): number {
    return Math.min(this.#clock.nowMs(), this.#firstOffsetMs + this.#clock.monotonicMs());
  }

  /** Looks for a step since the last look, and logs it. */
  look(): void {
    const offsetMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    const steppedMs = offsetMs - this.#offsetMs;
    if (Math.abs(steppedMs) < STEP_MS) return;
    this.#offsetMs = offsetMs;
    this.#logger.warn(
      { stepped_ms: Math.round(steppedMs) },
      "the clock was set, or the machine slept; nonces are remembered until their time has passed by both clocks",
    );
  }
}
