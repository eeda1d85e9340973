import type { DatabaseSync } from "node:sqlite";
import { JOB_STATES, type JobState } from "../../../jobs/job.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { JobRange } from "../../operator/operator-storage.ts";
import { JOB_COLUMNS, toJobRow } from "../jobs/job-columns.ts";

/** Reads of the jobs of several owners. */
export interface AllJobsReads {
  owners(states: readonly JobState[], most: number): readonly string[] | undefined;
  jobsOf(owners: readonly string[], range: JobRange): readonly JobRow[];
  jobsIn(range: JobRange): readonly JobRow[];
}

const IN_RANGE = "seq < ? AND seq >= ? AND created_at_ms >= ? AND created_at_ms < ?";

/** Prepares the reads. */
export function prepareAllJobs(db: DatabaseSync): AllJobsReads {
  const owners = db.prepare("SELECT owner FROM job_count WHERE state = ? LIMIT ?");
  const ofOwner = db.prepare(
    `SELECT seq FROM job INDEXED BY job_of_owner WHERE owner = ? AND state = ? AND ${IN_RANGE} ORDER BY seq DESC LIMIT ?`,
  );
  const ofTool = db.prepare(
    `SELECT seq FROM job INDEXED BY job_of_owner_and_tool WHERE owner = ? AND tool = ? AND state = ? AND ${IN_RANGE} ORDER BY seq DESC LIMIT ?`,
  );
  const inRange = db.prepare(
    `SELECT ${JOB_COLUMNS} FROM job WHERE ${IN_RANGE} AND state IN (?, ?, ?, ?, ?)
      AND (? IS NULL OR tool = ?) ORDER BY seq DESC LIMIT ?`,
  );
  const find = db.prepare(`SELECT ${JOB_COLUMNS} FROM job WHERE seq = ?`);

  return {
    owners(states, most) {
      const found = new Set<string>();
      for (const state of states) for (const row of owners.all(state, most + 1)) found.add(String(row.owner));
      return found.size > most ? undefined : [...found];
    },

    jobsOf(owners, { states, tool, from, below, sinceMs, beforeMs, limit }) {
      const newest: number[] = [];
      for (const owner of owners) {
        for (const state of states) {
          // Jobs below the oldest one of a full page are not read.
          const floor = newest.length < limit ? from : (newest.at(-1) ?? from);
          const limits = [below, floor, sinceMs, beforeMs, limit];
          const rows =
            tool === undefined ? ofOwner.all(owner, state, ...limits) : ofTool.all(owner, tool, state, ...limits);
          if (rows.length === 0) continue;
          newest.push(...rows.map(({ seq }) => Number(seq)));
          newest.sort((one, other) => other - one).splice(limit);
        }
      }
      return newest.map((seq) => toJobRow(find.get(seq)));
    },

    jobsIn({ states, tool = null, from, below, sinceMs, beforeMs, limit }) {
      const limits = [below, from, sinceMs, beforeMs];
      const wanted = JOB_STATES.map((state) => (states.includes(state) ? state : null));
      return inRange.all(...limits, ...wanted, tool, tool, limit).map(toJobRow);
    },
  };
}
