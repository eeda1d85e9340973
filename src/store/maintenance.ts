import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { runPeriodically } from "../runtime/periodic.ts";

/** What a store does by itself from time to time. A chore that fails is logged and done again at its next turn. */
export class Maintenance implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #chores: AsyncDisposable[] = [];

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Adds a chore, done every `intervalMs` counted from its last end. */
  every(intervalMs: number, task: () => Promise<unknown>): this {
    this.#chores.push(runPeriodically(this.#clock, intervalMs, () => this.#attempt(task)));
    return this;
  }

  /** Waits for the chores under way; none begins any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#chores.map((chore) => chore[Symbol.asyncDispose]()));
  }

  async #attempt(task: () => Promise<unknown>): Promise<void> {
    try {
      await task();
    } catch (error) {
      // A store that is away says so once by itself.
      const level = SealwireError.from(error).reason === "UNAVAILABLE" ? "debug" : "warn";
      this.#logger[level]({ err: error }, "a chore of the store failed; it is tried again");
    }
  }
}
