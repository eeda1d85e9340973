import type { Clock } from "../../runtime/clock.ts";
import type { CommitGroup } from "./commit-group.ts";
import type { Sweep } from "./jobs/sweep-jobs.ts";
import { reading } from "./storage-error.ts";

/**
 * Deletes all expired rows in batches of one transaction each, so that other operations run in between. Returns the
 * number of deleted rows.
 */
export async function sweepInSlices(commits: CommitGroup, sweep: Sweep, slice: number, clock: Clock): Promise<number> {
  let removed = 0;
  while (reading(() => sweep.due(clock.nowMs())))
    removed += await commits.run(() => sweep.remove(slice, clock.nowMs()));
  return removed;
}
