import type { Clock } from "../../runtime/clock.ts";
import { holdProcess } from "../../runtime/hold-process.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";
import { TimeLimit } from "../../runtime/time-limit.ts";

/** An operation that can be ended. */
interface Endable {
  end(reason: unknown): void;
}

/**
 * The open operations of one client. They share one timer for the default time limit and one handle that keeps the
 * process alive, and need no listener for the end of the client.
 */
export class Operations {
  /** The default time limit of an operation. */
  readonly usualTime: TimeLimit;
  readonly #open = new LinkedList<Endable>();
  #hold: Disposable | undefined;
  #closed: { readonly reason: unknown } | undefined;

  constructor({ clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.usualTime = new TimeLimit(clock, timeoutMs);
  }

  /** Registers an operation until {@link leave}. Ends it immediately if the client is closed. */
  enter<T extends Endable>(operation: T): Place<T> {
    if (this.#closed !== undefined) operation.end(this.#closed.reason);
    this.#hold ??= holdProcess();
    return this.#open.add(operation) as Place<T>;
  }

  /** Unregisters an operation that has ended. */
  leave(place: Place<Endable>): void {
    this.#open.remove(place);
    if (this.#open.size > 0) return;
    this.#hold?.[Symbol.dispose]();
    this.#hold = undefined;
  }

  /** Ends all open and future operations. */
  close(reason: unknown): void {
    this.#closed ??= { reason };
    for (const operation of this.#open) operation.end(reason);
  }
}
