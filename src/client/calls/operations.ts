import type { Clock } from "../../runtime/clock.ts";
import { holdProcess } from "../../runtime/hold-process.ts";
import { LinkedList, type Place } from "../../runtime/linked-list.ts";
import { TimeLimit } from "../../runtime/time-limit.ts";

/** What an operation can be ended by. */
interface Endable {
  end(reason: unknown): void;
}

/**
 * The operations of one client that are under way. They share what each would have to make for itself: one timer for
 * their usual time, one hold on the process, and no listener for the end of the client.
 */
export class Operations {
  /** The time that an operation has unless its caller says otherwise. */
  readonly usualTime: TimeLimit;
  readonly #open = new LinkedList<Endable>();
  #hold: Disposable | undefined;
  #closed: { readonly reason: unknown } | undefined;

  constructor({ clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.usualTime = new TimeLimit(clock, timeoutMs);
  }

  /** An operation begins; it ends at once if the client is closed. Give back its place when it is done. */
  enter<T extends Endable>(operation: T): Place<T> {
    if (this.#closed !== undefined) operation.end(this.#closed.reason);
    this.#hold ??= holdProcess();
    return this.#open.add(operation) as Place<T>;
  }

  /** An operation is done. */
  leave(place: Place<Endable>): void {
    this.#open.remove(place);
    if (this.#open.size > 0) return;
    this.#hold?.[Symbol.dispose]();
    this.#hold = undefined;
  }

  /** Ends all operations, and those to come. */
  close(reason: unknown): void {
    this.#closed ??= { reason };
    for (const operation of this.#open) operation.end(reason);
  }
}
