import type { Clock } from "../../runtime/clock.ts";

const FIRST_MS = 250;
const MOST_MS = 30_000;
/** A server that ran for this long is restarted without delay. */
const STABLE_MS = 10_000;

/** The delays before a server is started again. They double while it does not stay up. */
export class RestartBackoff {
  readonly #clock: Clock;
  #delayMs = FIRST_MS;
  #upSinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called when the server is up. */
  up(): void {
    this.#upSinceMs = this.#clock.monotonicMs();
  }

  /** Called when it has ended, or has not started. Returns the delay before the next start, in milliseconds. */
  down(): number {
    const upMs = this.#upSinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#upSinceMs;
    this.#upSinceMs = undefined;
    const delayMs = upMs >= STABLE_MS ? FIRST_MS : this.#delayMs;
    this.#delayMs = Math.min(2 * delayMs, MOST_MS);
    return delayMs;
  }
}
