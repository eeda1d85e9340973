/** Counts what is open of each person, up to a number. */
export class OpenCounts {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts one more until the result is disposed; `undefined` if there are too many. */
  enter(name: string): Disposable | undefined {
    const open = this.#open.get(name) ?? 0;
    if (open >= this.#most) return undefined;
    this.#open.set(name, open + 1);
    return { [Symbol.dispose]: () => this.#leave(name) };
  }

  #leave(name: string): void {
    const open = this.#open.get(name) ?? 0;
    if (open > 1) this.#open.set(name, open - 1);
    else this.#open.delete(name);
  }
}
