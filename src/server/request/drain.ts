import { SealwireError } from "../../errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";

/** Something that goes on and can be told to end. */
export interface Stoppable {
  /** Ends it for `reason`; nothing happens if it has ended. */
  stop(reason: SealwireError): void;
}

/** Whether the server is shutting down, and what must finish before it does. */
export class Drain {
  readonly #begun = new AbortController();
  readonly #open = new LinkedList<Stoppable>();
  readonly #idle: (() => void)[] = [];

  /** Aborts when draining begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** Refuses what comes after draining began. Throws DRAINING. */
  throwIfDraining(): void {
    this.signal.throwIfAborted();
  }

  /** Counts a call, which is waited for until it leaves. */
  enter(call: Stoppable): Place<Stoppable> {
    return this.#open.add(call);
  }

  /** The call that entered has ended. */
  leave(place: Place<Stoppable>): void {
    this.#open.remove(place);
    if (this.#open.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Begins to drain. */
  begin(): void {
    this.#begun.abort(new SealwireError("DRAINING"));
  }

  /** Resolves when no call is open; after `graceMs` the open ones are told that time is up. */
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
