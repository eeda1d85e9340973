import type { DatabaseSync } from "node:sqlite";

/** The two halves of {@link prepareSweep}. */
export interface Sweep {
  /** True if there are expired rows. A cheap read. */
  due(nowMs: number): boolean;
  /** Deletes up to `limit` expired rows. Returns the number of deleted rows. */
  remove(limit: number, nowMs: number): number;
}

/** Prepares the deletion of expired jobs with their results. */
export function prepareJobSweep(db: DatabaseSync): Sweep {
  return prepareSweep(
    db,
    "SELECT 1 FROM job WHERE expires_at_ms <= ? LIMIT 1",
    "DELETE FROM job WHERE seq IN (SELECT seq FROM job WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)",
  );
}

/** Prepares the deletion of expired sync intents. */
export function prepareIntentSweep(db: DatabaseSync): Sweep {
  return prepareSweep(
    db,
    "SELECT 1 FROM intent WHERE expires_at_ms <= ? LIMIT 1",
    "DELETE FROM intent WHERE rowid IN (SELECT rowid FROM intent WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)",
  );
}

function prepareSweep(db: DatabaseSync, dueSql: string, removeSql: string): Sweep {
  const due = db.prepare(dueSql);
  const remove = db.prepare(removeSql);
  return {
    due: (nowMs) => due.get(nowMs) !== undefined,
    remove: (limit, nowMs) => Number(remove.run(nowMs, limit).changes),
  };
}
