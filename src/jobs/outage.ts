import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";

/** How long a store must have been well before the log says so, in milliseconds. */
const WELL_MS = 5_000;

/**
 * Says once in the log that a store cannot be written, and once that it can again: only after a while without a failure,
 * so that a store which comes and goes does not fill the log.
 */
export class Outage {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #failures = 0;
  #lastFailureMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Notes a failure. */
  failed(thrown: unknown): void {
    this.#lastFailureMs = this.#clock.monotonicMs();
    this.#failures += 1;
    if (this.#failures > 1) return;
    this.#logger.error({ err: thrown }, "the store cannot be written; callers are told to try again");
  }

  /** Notes a success. */
  succeeded(): void {
    if (this.#failures === 0 || this.#clock.monotonicMs() - this.#lastFailureMs < WELL_MS) return;
    this.#logger.info({ failures: this.#failures }, "the store can be written again");
    this.#failures = 0;
  }
}
