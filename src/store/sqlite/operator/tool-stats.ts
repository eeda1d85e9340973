import type { DatabaseSync } from "node:sqlite";
import type { JobState } from "../../../jobs/job.ts";
import { addToolCount, type ToolCounts } from "../../operator/tool-counts.ts";

/** Number of jobs that are counted without a pause. */
const SLICE = 10_000;
/** Number of jobs that are counted in the time that it takes to find a group. */
const GROUP_COST = 10;

/** Jobs of one owner and tool in one state. */
interface Group {
  readonly owner: string;
  readonly tool: string;
  readonly state: JobState;
}

/**
 * Prepares the count of jobs by tool and state from an index, in slices: other work of the process goes on between
 * them. Each value that is yielded marks the end of a slice.
 */
export function prepareToolStats(db: DatabaseSync): (counts: ToolCounts) => Iterable<void> {
  const next = db.prepare(`
    SELECT owner, tool, state FROM job WHERE (owner, tool, state) > (?, ?, ?) ORDER BY owner, tool, state LIMIT 1`);
  const after = "FROM job WHERE owner = ? AND tool = ? AND state = ? AND seq > ?";
  const endOfSlice = db.prepare(`SELECT seq ${after} ORDER BY seq LIMIT 1 OFFSET ${SLICE - 1}`);
  const countRest = db.prepare(`SELECT count(*) AS jobs ${after}`);

  return function* (counts) {
    let counted = 0;
    for (let at: Group | undefined; ; ) {
      at = next.get(at?.owner ?? "", at?.tool ?? "", at?.state ?? "") as Group | undefined;
      if (at === undefined) return;
      const { owner, tool, state } = at;
      for (let last: number | undefined = 0; last !== undefined; ) {
        const end: Record<string, unknown> | undefined = endOfSlice.get(owner, tool, state, last);
        const jobs = end === undefined ? Number(countRest.get(owner, tool, state, last)?.jobs) : SLICE;
        last = end === undefined ? undefined : Number(end.seq);
        addToolCount(counts, at, jobs);
        // Finding a group takes about as long as counting some jobs.
        counted += jobs + GROUP_COST;
        if (counted >= SLICE) {
          counted = 0;
          yield;
        }
      }
    }
  };
}
