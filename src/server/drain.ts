import { SealwireError } from "../errors.ts";
import type { Clock } from "../runtime/clock.ts";

/** Whether the server is shutting down, and what must finish before it does. */
export class Drain {
  readonly #begun = new AbortController();
  readonly #over = new AbortController();
  readonly #idle: (() => void)[] = [];
  #open = 0;

  /** Aborts when draining begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** Aborts when the time for open calls is up. */
  get overSignal(): AbortSignal {
    return this.#over.signal;
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

  /** Begins to drain. */
  begin(): void {
    this.#begun.abort(new SealwireError("DRAINING"));
  }

  /** Resolves when no call is open; after `graceMs` the open ones are told that time is up. */
  async idle(clock: Clock, graceMs: number): Promise<void> {
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    using _timer = clock.after(graceMs, () => {
      this.#over.abort(
        new SealwireError("DRAINING", "The server is shutting down and could not wait for the call to end."),
      );
    });
    await promise;
  }
}
