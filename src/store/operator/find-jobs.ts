import { JOB_STATES } from "../../jobs/job.ts";
import type { JobRow } from "../../jobs/job-row.ts";
import type { AllJobsQuery } from "../operator-view.ts";
import type { JobRange, OperatorStorage, Positions } from "./operator-storage.ts";

/** Maximum number of owners whose jobs are read by the indexes of their lists. */
const OWNERS_MAX = 100;
/** Number of jobs that one statement reads while it searches. */
const SLICE = 2_000;
/** Maximum number of statements that search for one page. */
const SLICES_MAX = 10;
/** Maximum time by which a job may have an earlier creation time than a job before it. */
const CLOCK_MARGIN_MS = 10_000;

/** One page of jobs. */
export interface FoundJobs {
  readonly rows: readonly JobRow[];
  /** The next page has the jobs below this position; `undefined` if there is none. */
  readonly nextBelow: number | undefined;
}

/**
 * Finds the jobs of a query below a position, newest first. No engine has an index of the jobs of all owners, since each
 * one would cost every job a write. Instead:
 *
 * - The jobs of one owner are read by the indexes of its list.
 * - Otherwise the newest 2,000 jobs are read one after the other, which finds enough for most pages. The rest of the page is
 *   merged from the indexes of the owners' lists. If there are too many owners, the search goes on, and ends after 20,000
 *   jobs with a short page.
 * - Times are limits of positions, because jobs are created in the order of their positions, except for differences of
 *   clocks. The creation time of each job is compared as well.
 */
export async function findJobs(storage: OperatorStorage, query: AllJobsQuery, below: number): Promise<FoundJobs> {
  const { tool, createdSinceMs, createdBeforeMs, pageSize } = query;
  const states = query.states.length === 0 ? JOB_STATES : [...new Set(query.states)];
  const range: JobRange = {
    states,
    tool,
    sinceMs: createdSinceMs ?? 0,
    beforeMs: createdBeforeMs ?? Number.MAX_SAFE_INTEGER,
    ...(await positionsOf(storage, query, below)),
    limit: pageSize + 1,
  };
  if (query.owner === undefined) return search(storage, range);
  return pageOf(await storage.jobsOf([query.owner], range), range.limit);
}

async function positionsOf(storage: OperatorStorage, query: AllJobsQuery, below: number): Promise<Positions> {
  const { createdSinceMs, createdBeforeMs } = query;
  const from = createdSinceMs === undefined ? 0 : await storage.positionAt(createdSinceMs - CLOCK_MARGIN_MS);
  if (createdBeforeMs === undefined) return { from, below };
  return { from, below: Math.min(below, await storage.positionAt(createdBeforeMs + CLOCK_MARGIN_MS)) };
}

async function search(storage: OperatorStorage, range: JobRange): Promise<FoundJobs> {
  const rows: JobRow[] = [];
  let { below } = range;
  for (let slice = 0; slice < SLICES_MAX; slice += 1) {
    const bottom = await storage.positionOf(SLICE, { from: range.from, below });
    const left = { ...range, below, from: bottom ?? range.from, limit: range.limit - rows.length };
    rows.push(...(await storage.jobsIn(left)));
    if (rows.length >= range.limit || bottom === undefined) return pageOf(rows, range.limit);
    below = bottom;
    const owners = slice === 0 ? await storage.owners(range.states, OWNERS_MAX) : undefined;
    if (owners === undefined) continue;
    rows.push(...(await storage.jobsOf(owners, { ...range, below, limit: range.limit - rows.length })));
    return pageOf(rows, range.limit);
  }
  return { rows, nextBelow: below };
}

/** `limit`: the number of jobs on a page plus one. */
function pageOf(found: readonly JobRow[], limit: number): FoundJobs {
  const rows = found.slice(0, limit - 1);
  return { rows, nextBelow: found.length < limit ? undefined : rows.at(-1)?.seq };
}
