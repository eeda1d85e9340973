interface PendingItem<In, Out> {
  readonly item: In;
  readonly resolve: (value: Out) => void;
  readonly reject: (error: unknown) => void;
}

/** Options of a {@link Batch}. */
export interface BatchOptions<In, Out> {
  /**
   * Processes a group of items together. Returns the result of each item in order: a value, or the error that refuses
   * it.
   */
  readonly run: (items: readonly In[]) => Promise<readonly (Out | Error)[]>;
  /** Maximum number of items in a group. */
  readonly most: number;
}

/** Collects the items that are added within a tick, or while a group is processed, and processes them as one group. */
export class Batch<In, Out> {
  readonly #options: BatchOptions<In, Out>;
  readonly #waiting: PendingItem<In, Out>[] = [];
  #running = false;

  constructor(options: BatchOptions<In, Out>) {
    this.#options = options;
  }

  /** Resolves to the result of the item. If a whole group fails, every item in it fails. */
  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#runGroup(this.#waiting.splice(0, this.#options.most));
    this.#running = false;
  }

  async #runGroup(group: readonly PendingItem<In, Out>[]): Promise<void> {
    try {
      const outcomes = await this.#options.run(group.map(({ item }) => item));
      group.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index];
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome as Out);
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
