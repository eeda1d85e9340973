import { setImmediate } from "node:timers/promises";

/** Lets only so many stream writes happen per turn of the event loop, so that one event for many watchers delays no call. */
export class WritePacer {
  readonly #perTurn: number;
  #count = 0;
  #turn: Promise<void> | undefined;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Resolves when the caller may write once. */
  async turn(): Promise<void> {
    while (this.#count >= this.#perTurn) await this.#nextTurn();
    this.#count += 1;
    if (this.#count === 1) void this.#nextTurn();
  }

  #nextTurn(): Promise<void> {
    this.#turn ??= setImmediate().then(() => {
      this.#count = 0;
      this.#turn = undefined;
    });
    return this.#turn;
  }
}
