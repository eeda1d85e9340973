/** The right of one request to be read. */
export interface ReadSlot {
  /** Starts reading once there is room, at once if possible. */
  open(): void;
  /** Gives the room, or the place in the queue, back; idempotent. */
  close(): void;
}

/**
 * Bounds the memory that unverified requests can take: each request being read holds room for the largest message,
 * from the first byte asked for to the last one received; the others wait, first come first served.
 */
export class ReadBudget {
  readonly #waiting = new Set<() => void>();
  #free: number;

  /** `slots`: how many requests may be read at once. */
  constructor(slots: number) {
    this.#free = slots;
  }

  /** Makes a slot for one request, which `start` begins to read. */
  slot(start: () => void): ReadSlot {
    let reading = false;
    const begin = (): void => {
      reading = true;
      this.#free -= 1;
      start();
    };
    return {
      open: () => {
        if (this.#free > 0) begin();
        else this.#waiting.add(begin);
      },
      close: () => {
        this.#waiting.delete(begin);
        if (!reading) return;
        reading = false;
        this.#free += 1;
        this.#startNext();
      },
    };
  }

  #startNext(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
