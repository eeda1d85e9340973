import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

/** The time after which the same denial is logged again, in milliseconds. */
const AGAIN_MS = 10 * 60 * 1000;
/** Maximum number of different denials that are remembered. */
const DENIALS_MAX = 64;

/** Logs statements that the database denies to the store's user: each denial once in ten minutes. */
export class DeniedLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #loggedAtMs = new Map<string, number>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  denied(thrown: Error): void {
    const nowMs = this.#clock.monotonicMs();
    const loggedAtMs = this.#loggedAtMs.get(thrown.message);
    if (loggedAtMs !== undefined && nowMs - loggedAtMs < AGAIN_MS) return;
    if (this.#loggedAtMs.size >= DENIALS_MAX) this.#loggedAtMs.clear();
    this.#loggedAtMs.set(thrown.message, nowMs);
    this.#logger.error(
      { err: thrown },
      "the database denies the store's user a statement; grant it as docs/operations.md does, or remove what needs it",
    );
  }
}
