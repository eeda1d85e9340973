import { runCallers } from "./callers.ts";
import type { Interval, Load, Sample } from "./load.ts";

/** Calls through a client library, to measure the CPU time of the client. */
export class ClientLoad implements Load {
  readonly #call: () => Promise<unknown>;
  readonly #close: () => void;
  #left = 0;

  /** `call` throws if the answer is not the expected one. It may return its own latency in milliseconds. */
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
