import type { DatabaseSync } from "node:sqlite";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { EndedRange, Ends } from "../../../jobs/job-storage.ts";
import { JOB_COLUMNS } from "./job-columns.ts";

/** Reads of ended jobs. */
export interface EndReads {
  ends(owner: string, withPast: boolean): Ends;
  ended(range: EndedRange): readonly JobRow[];
}

/** Prepares the reads. Each uses the index of an owner's ended jobs. */
export function prepareReadEnds(db: DatabaseSync): EndReads {
  const newest = db.prepare(
    "SELECT max(ended_at_ms) AS endedAtMs FROM job WHERE owner = ? AND ended_at_ms IS NOT NULL",
  );
  const ended = db.prepare(
    `SELECT ${JOB_COLUMNS} FROM job WHERE owner = ? AND ended_at_ms IS NOT NULL AND (ended_at_ms, seq) > (?, ?)
      ORDER BY ended_at_ms, seq LIMIT ?`,
  );
  const read = ({ owner, sinceMs, above, limit }: EndedRange) =>
    ended.all(owner, sinceMs, above, limit) as unknown as JobRow[];

  return {
    ends(owner, withPast) {
      // Commits are sequential, and no end precedes an earlier end of the same owner.
      const resumeMs = Number(newest.get(owner)?.endedAtMs ?? 0);
      return { resumeMs, past: withPast ? read({ owner, sinceMs: resumeMs, above: 0, limit: -1 }) : [] };
    },
    ended: read,
  };
}
