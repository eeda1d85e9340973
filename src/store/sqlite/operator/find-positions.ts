import type { DatabaseSync } from "node:sqlite";
import type { Positions } from "../../operator/operator-storage.ts";

/** Reads of positions; a position is the `seq` of a job. */
export interface PositionReads {
  positionOf(count: number, positions: Positions): number | undefined;
  positionAt(timeMs: number): number;
}

/** Prepares the reads. */
export function preparePositions(db: DatabaseSync): PositionReads {
  const nth = db.prepare("SELECT seq FROM job WHERE seq < ? AND seq >= ? ORDER BY seq DESC LIMIT 1 OFFSET ?");
  const newest = db.prepare("SELECT max(seq) AS seq FROM job");
  const firstFrom = db.prepare("SELECT seq, created_at_ms AS createdAtMs FROM job WHERE seq >= ? ORDER BY seq LIMIT 1");

  return {
    positionOf(count, { from, below }) {
      const found = nth.get(below, from, count - 1);
      return found === undefined ? undefined : Number(found.seq);
    },

    positionAt(timeMs) {
      let low = 0;
      let high = Number(newest.get()?.seq ?? 0) + 1;
      // Below `low` every job was created earlier, from `high` on none was.
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const job = firstFrom.get(middle);
        if (job !== undefined && Number(job.createdAtMs) < timeMs) low = Number(job.seq) + 1;
        else high = middle;
      }
      return low;
    },
  };
}
