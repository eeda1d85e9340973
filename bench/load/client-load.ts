import { runCallers } from "./callers.ts";
import type { Interval, Load, Sample } from "./load.ts";

/** Calls through a client library: what it takes of the load's processor is what is measured. */
export class ClientLoad implements Load {
  readonly #call: () => Promise<unknown>;
  readonly #close: () => void;
  #left = 0;

  /** `call` throws if the answer is not the expected one; it may give the milliseconds that it took itself. */
  constructor(call: () => Promise<unknown>, close: () => void) {
    this.#call = call;
    this.#close = close;
  }

  prepare(count: number): void {
    this.#left = count;
  }

  run(interval: Interval): Promise<Sample> {
    return runCallers({ ...interval, next: () => this.#left-- > 0 || undefined, send: () => this.#call() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }
}
