/** A repeatable stream of numbers in [0, 1) (mulberry32), so that a failed run can be repeated with its seed. */
export function seededFraction(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws from one seed. */
export class Dice {
  readonly fraction: () => number;

  constructor(seed: number) {
    this.fraction = seededFraction(seed);
  }

  /** A whole number from `least` up to, but not including, `end`. */
  between(least: number, end: number): number {
    return least + Math.floor(this.fraction() * (end - least));
  }

  /** True with this probability. */
  chance(share: number): boolean {
    return this.fraction() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length)] as T;
  }

  /** An independent stream, whose draws do not depend on the timing of other users. */
  split(): Dice {
    return new Dice(this.between(0, 2 ** 32));
  }
}
