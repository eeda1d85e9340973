import type { DatabaseSync } from "node:sqlite";
import type { StampRange } from "../../refused-stamps.ts";

/** Ranges at most this far apart are merged, in milliseconds. */
const GAP_MS = 60_000;
/** Maximum number of ranges. */
const RANGES_MAX = 64;

/**
 * The timestamps whose nonces were forgotten. They are ranges instead of one floor, so that after a clock was
 * temporarily ahead the timestamps in between remain acceptable, because no frame with them was accepted.
 */
export class ForgottenStamps {
  /** Sorted and disjoint. */
  #ranges: readonly StampRange[];

  constructor(ranges: readonly StampRange[] = []) {
    this.#ranges = [...ranges].sort((one, other) => one.fromMs - other.fromMs);
  }

  get ranges(): readonly StampRange[] {
    return this.#ranges;
  }

  /** The range that contains the timestamp. */
  find(tsMs: number): StampRange | undefined {
    const highestMs = this.#ranges.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY;
    if (tsMs > highestMs) return undefined;
    return this.#ranges.find(({ fromMs, toMs }) => fromMs <= tsMs && tsMs <= toMs);
  }

  /** True if one range contains the whole given range. */
  covers({ fromMs, toMs }: StampRange): boolean {
    return (this.find(fromMs)?.toMs ?? Number.NEGATIVE_INFINITY) >= toMs;
  }

  /** Adds a range. If there are too many, the two earliest ranges are merged. */
  add(range: StampRange): void {
    const ranges: StampRange[] = [];
    for (const next of [...this.#ranges, range].sort((one, other) => one.fromMs - other.fromMs)) {
      const last = ranges.at(-1);
      if (last !== undefined && next.fromMs - last.toMs <= GAP_MS) {
        ranges[ranges.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, next.toMs) };
      } else {
        ranges.push(next);
      }
    }
    const [first, second] = ranges;
    if (ranges.length > RANGES_MAX && first && second) {
      ranges.splice(0, 2, { fromMs: first.fromMs, toMs: second.toMs });
    }
    this.#ranges = ranges;
  }
}

/** Reads and writes the forgotten timestamps of a store. */
export interface ForgottenStampsTable {
  read(): ForgottenStamps;
  write(forgotten: ForgottenStamps): void;
}

/** Prepares the operations on the table of forgotten timestamps. */
export function prepareForgottenStamps(db: DatabaseSync): ForgottenStampsTable {
  const read = db.prepare("SELECT from_ms AS fromMs, to_ms AS toMs FROM forgotten_stamps");
  const clear = db.prepare("DELETE FROM forgotten_stamps");
  const insert = db.prepare("INSERT INTO forgotten_stamps VALUES (?, ?)");
  return {
    read: () => new ForgottenStamps(read.all() as unknown as StampRange[]),
    write({ ranges }) {
      clear.run();
      for (const { fromMs, toMs } of ranges) insert.run(fromMs, toMs);
    },
  };
}
