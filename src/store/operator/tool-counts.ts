import type { JobState } from "../../jobs/job.ts";
import type { ToolStats } from "../operator-view.ts";

/** Numbers of jobs by tool and state. */
export type ToolCounts = Map<string, Record<JobState, number>>;

/** Adds `jobs` to the number of a tool's jobs in a state. */
export function addToolCount(
  counts: ToolCounts,
  { tool, state }: { readonly tool: string; readonly state: JobState },
  jobs: number,
): void {
  let byState = counts.get(tool);
  if (byState === undefined) {
    byState = { QUEUED: 0, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 };
    counts.set(tool, byState);
  }
  byState[state] += jobs;
}

/** The statistics of the counts, sorted by tool. */
export function toToolStats(counts: ToolCounts): readonly ToolStats[] {
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1)).map(([tool, byState]) => ({ tool, byState }));
}
