import { SealwireError } from "../errors.ts";
import { type Clock, sleep } from "../runtime/clock.ts";

/** Whether the server is shutting down, and what must finish before it does. */
export class Drain {
  readonly #controller = new AbortController();
  readonly #idle: (() => void)[] = [];
  #open = 0;

  /** Aborts when draining begins. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Refuses what comes after draining began. Throws DRAINING. */
  throwIfDraining(): void {
    this.signal.throwIfAborted();
  }

  /** Counts one call; the returned function ends it. */
  track(): () => void {
    this.#open += 1;
    return () => {
      this.#open -= 1;
      if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
  }

  begin(): void {
    this.#controller.abort(new SealwireError("DRAINING"));
  }

  /** Resolves when no call is open, or after `graceMs`. */
  async idle(clock: Clock, graceMs: number): Promise<void> {
    if (this.#open === 0) return;
    const timeUp = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    await Promise.race([promise, sleep(clock, graceMs, timeUp.signal).catch(() => {})]);
    timeUp.abort();
  }
}
