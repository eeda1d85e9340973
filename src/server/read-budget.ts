/** A request that is to be read. */
export interface Reader {
  /** Begins to read: there is room now. */
  read(): void;
}

/**
 * Bounds the memory that unverified requests can take: each request being read holds room for the largest message,
 * from the first byte asked for to the last one received; the others wait, first come first served.
 */
export class ReadBudget {
  readonly #slots: number;
  readonly #reading = new Set<Reader>();
  readonly #waiting = new Set<Reader>();

  /** `slots`: how many requests may be read at once. */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Lets `reader` read once there is room, at once if possible. */
  enter(reader: Reader): void {
    if (this.#reading.size < this.#slots) this.#begin(reader);
    else this.#waiting.add(reader);
  }

  /** Gives the room of `reader`, or its place in the queue, back; idempotent. */
  leave(reader: Reader): void {
    this.#waiting.delete(reader);
    if (!this.#reading.delete(reader)) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#begin(next);
  }

  #begin(reader: Reader): void {
    this.#reading.add(reader);
    reader.read();
  }
}
