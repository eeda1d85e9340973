/** What is disposed together, the last first. AsyncDisposableStack needs a newer Node than this package. */
export class Disposables implements AsyncDisposable {
  readonly #parts: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  /** Runs `make`, and disposes everything if it throws. */
  async orNone<T>(make: () => Promise<T>): Promise<T> {
    try {
      return await make();
    } catch (thrown) {
      await this[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  }
}
