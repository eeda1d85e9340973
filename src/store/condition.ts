import type { SealwireError } from "../errors.ts";
import { storeUnavailable } from "../jobs/unavailable.ts";

/** Whether servers can use a store. */
export interface StoreCondition {
  /** False while the store is temporarily unable to serve. It then refuses calls, which should go to another server. */
  readonly serving: boolean;
  /** Aborts when this process can no longer use the store. Its reason is a SealwireError. */
  readonly lost: AbortSignal;
  /** Calls `listener` whenever `serving` changes. */
  onChange(listener: (serving: boolean) => void): Disposable;
}

/** A {@link StoreCondition} that the store sets. */
export class SettableCondition implements StoreCondition {
  readonly #lost = new AbortController();
  readonly #listeners = new Set<(serving: boolean) => void>();
  #serving = true;

  get serving(): boolean {
    return this.#serving;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  onChange(listener: (serving: boolean) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Sets whether the store serves calls. Has no effect after the store is lost. */
  setServing(serving: boolean): void {
    if (serving === this.#serving || this.lost.aborted) return;
    this.#serving = serving;
    for (const listener of this.#listeners) listener(serving);
  }

  /** Marks the store as lost: this process can no longer use it. */
  lose(error: SealwireError): void {
    if (this.lost.aborted) return;
    this.setServing(false);
    this.#lost.abort(error);
  }

  /** Throws UNAVAILABLE while the store does not serve calls. */
  throwUnlessServing(): void {
    if (!this.#serving) throw storeUnavailable(this.lost.reason);
  }

  /** Throws UNAVAILABLE if the store is lost. */
  throwIfLost(): void {
    if (this.lost.aborted) throw storeUnavailable(this.lost.reason);
  }
}
