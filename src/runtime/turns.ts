/** Runs only so many tasks per turn of the event loop, first come first served, so that what is due for many delays nobody else. */
export class Turns {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #count = 0;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Runs `task`, at once if there is room in this turn. It must not throw. */
  run(task: () => void): void {
    if (this.#count === this.#perTurn) {
      this.#waiting.push(task);
      return;
    }
    if (this.#count === 0) setImmediate(() => this.#begin());
    this.#count += 1;
    task();
  }

  /** Resolves when the caller may go on. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  #begin(): void {
    const tasks = this.#waiting.splice(0, this.#perTurn);
    this.#count = tasks.length;
    if (tasks.length > 0) setImmediate(() => this.#begin());
    for (const task of tasks) task();
  }
}
