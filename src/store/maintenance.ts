import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { runPeriodically } from "../runtime/periodic.ts";

/** Periodic tasks of a store. A failed task is logged and repeated after its interval. */
export class Maintenance implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #chores: AsyncDisposable[] = [];

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Adds a task that runs `intervalMs` after the end of its previous run. */
  every(intervalMs: number, task: () => Promise<unknown>): this {
    this.#chores.push(runPeriodically(this.#clock, intervalMs, () => this.#attempt(task)));
    return this;
  }

  /** Waits for running tasks and starts no others. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#chores.map((chore) => chore[Symbol.asyncDispose]()));
  }

  async #attempt(task: () => Promise<unknown>): Promise<void> {
    try {
      await task();
    } catch (error) {
      // The store itself logs that it is unavailable.
      const level = SealwireError.from(error).reason === "UNAVAILABLE" ? "debug" : "warn";
      this.#logger[level]({ err: error }, "a maintenance task of the store failed; it will be repeated");
    }
  }
}
