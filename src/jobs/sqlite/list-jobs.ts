import type { DatabaseSync } from "node:sqlite";
import type { JobState } from "../job.ts";
import type { JobRow } from "../job-row.ts";

/** Selects jobs of one owner below a position, newest first. */
export interface ListRange {
  readonly owner: string;
  readonly tool: string | undefined;
  readonly states: readonly JobState[];
  readonly below: number;
  readonly limit: number;
}

/** Prepares the listing: one seek into an index for each state, merged by age, so that no filter reads past what it lists. */
export function prepareList(db: DatabaseSync): (range: ListRange) => readonly JobRow[] {
  const ofOwner = db.prepare("SELECT * FROM job WHERE owner = ? AND state = ? AND seq < ? ORDER BY seq DESC LIMIT ?");
  const ofTool = db.prepare(
    "SELECT * FROM job WHERE owner = ? AND tool = ? AND state = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
  );
  return ({ owner, tool, states, below, limit }) =>
    [...new Set(states)]
      .flatMap((state) =>
        tool === undefined ? ofOwner.all(owner, state, below, limit) : ofTool.all(owner, tool, state, below, limit),
      )
      .map((row) => row as unknown as JobRow)
      .sort((one, other) => other.seq - one.seq)
      .slice(0, limit);
}
