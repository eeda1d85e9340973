import type { DatabaseSync } from "node:sqlite";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { ListRange } from "../../../jobs/job-storage.ts";
import { JOB_COLUMNS } from "./job-columns.ts";

/**
 * Prepares the list query: one index range per state, merged by age, so that no filter reads rows that it does not
 * list.
 */
export function prepareList(db: DatabaseSync): (range: ListRange) => readonly JobRow[] {
  const ofOwner = db.prepare(
    `SELECT ${JOB_COLUMNS} FROM job WHERE owner = ? AND state = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  );
  const ofTool = db.prepare(
    `SELECT ${JOB_COLUMNS} FROM job WHERE owner = ? AND tool = ? AND state = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  );
  return ({ owner, tool, states, below, limit }) =>
    states
      .flatMap((state) =>
        tool === undefined ? ofOwner.all(owner, state, below, limit) : ofTool.all(owner, tool, state, below, limit),
      )
      .map((row) => row as unknown as JobRow)
      .sort((one, other) => other.seq - one.seq)
      .slice(0, limit);
}
