import type { SealwireError } from "../errors.ts";
import { storeUnavailable } from "../jobs/unavailable.ts";

/** Whether servers may use a store. */
export interface StoreCondition {
  /** False while calls are to go elsewhere, for a reason that may pass; the store refuses them itself, too. */
  readonly serving: boolean;
  /** Aborts, with a SealwireError as its reason, once this process cannot use the store any more. */
  readonly lost: AbortSignal;
  /** Calls `listener` whenever `serving` changes. */
  onChange(listener: (serving: boolean) => void): Disposable;
}

/** A {@link StoreCondition} that its store sets. */
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

  /** Says whether calls may come. Nothing changes any more once the store is lost. */
  setServing(serving: boolean): void {
    if (serving === this.#serving || this.lost.aborted) return;
    this.#serving = serving;
    for (const listener of this.#listeners) listener(serving);
  }

  /** Says that this process cannot use the store any more. */
  lose(error: SealwireError): void {
    if (this.lost.aborted) return;
    this.setServing(false);
    this.#lost.abort(error);
  }

  /** Throws UNAVAILABLE if calls are to go elsewhere. */
  throwUnlessServing(): void {
    if (!this.#serving) throw storeUnavailable(this.lost.reason);
  }

  /** Throws UNAVAILABLE once the store is lost. */
  throwIfLost(): void {
    if (this.lost.aborted) throw storeUnavailable(this.lost.reason);
  }
}
