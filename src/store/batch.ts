interface Waiting<In, Out> {
  readonly item: In;
  readonly resolve: (value: Out) => void;
  readonly reject: (error: unknown) => void;
}

/** What a {@link Batch} carries out. */
export interface BatchOptions<In, Out> {
  /** Carries a group out as one. Gives what each item came to, in their order: a value, or the error it is refused with. */
  readonly run: (items: readonly In[]) => Promise<readonly (Out | Error)[]>;
  /** Most items in a group. */
  readonly most: number;
}

/** Gathers what arrives within a tick, or while a group is under way, and carries it out as one group. */
export class Batch<In, Out> {
  readonly #options: BatchOptions<In, Out>;
  readonly #waiting: Waiting<In, Out>[] = [];
  #running = false;

  constructor(options: BatchOptions<In, Out>) {
    this.#options = options;
  }

  /** Resolves with what the item came to. If a group fails as a whole, every item in it does. */
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

  async #runGroup(group: readonly Waiting<In, Out>[]): Promise<void> {
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
