import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";

/** A running operation that can be stopped. */
export interface Stoppable {
  /** Ends it for `reason`. Does nothing if it has ended. */
  stop(reason: SealwireError): void;
}

/** The shutdown of a server, and the calls that it waits for. */
export class Drain {
  readonly #begun = new AbortController();
  readonly #open = new LinkedList<Stoppable>();
  readonly #idle: (() => void)[] = [];

  /** Aborts when draining begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** Throws DRAINING if draining has begun. */
  throwIfDraining(): void {
    this.signal.throwIfAborted();
  }

  /** Registers a call that the shutdown waits for. */
  enter(call: Stoppable): Place<Stoppable> {
    return this.#open.add(call);
  }

  /** Unregisters a call that has ended. */
  leave(place: Place<Stoppable>): void {
    this.#open.remove(place);
    if (this.#open.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Begins to drain. */
  begin(): void {
    this.#begun.abort(new SealwireError("DRAINING"));
  }

  /** Resolves when no call is open. After `graceMs`, stops the open ones. */
  async idle(clock: Clock, graceMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    using _timer = clock.after(graceMs, () => {
      const reason = new SealwireError(
        "DRAINING",
        "The server is shutting down and could not wait for the call to end.",
      );
      for (const call of this.#open) call.stop(reason);
    });
    await promise;
  }
}
