import { setImmediate } from "node:timers/promises";
import type { JobView } from "../job.ts";
import { type JobRow, toJobView } from "../job-row.ts";
import type { JobStorage } from "../job-storage.ts";
import type { OwnerReading } from "./owner-notifier.ts";

/** Rows per page. Other work runs between two pages. */
const PAGE = 200;

/**
 * Reads an owner's open jobs and, if `endedSinceMs` is set, those that ended at this time or later. Throws UNAVAILABLE.
 */
export async function readOwner(
  storage: JobStorage,
  owner: string,
  endedSinceMs: number | undefined,
): Promise<OwnerReading> {
  const { resumeMs, past } = await storage.ends(owner, endedSinceMs === undefined);
  return { resumeMs, past: past.map(toJobView), pages: pages(storage, owner, endedSinceMs) };
}

async function* pages(
  storage: JobStorage,
  owner: string,
  endedSinceMs: number | undefined,
): AsyncGenerator<readonly JobView[]> {
  // The position of a job does not depend on its state, so that no page misses a job whose state changes.
  yield* inPages((last) => {
    const below = last?.seq ?? Number.MAX_SAFE_INTEGER;
    return storage.list({ owner, tool: undefined, states: ["QUEUED", "RUNNING"], below, limit: PAGE });
  });
  if (endedSinceMs === undefined) return;
  yield* inPages((last) => {
    const { ended_at_ms: sinceMs, seq: above } = last ?? { ended_at_ms: endedSinceMs, seq: 0 };
    return storage.ended({ owner, sinceMs: sinceMs ?? endedSinceMs, above, limit: PAGE });
  });
}

async function* inPages(
  pageAfter: (last: JobRow | undefined) => Promise<readonly JobRow[]>,
): AsyncGenerator<readonly JobView[]> {
  let last: JobRow | undefined;
  for (;;) {
    const rows = await pageAfter(last);
    if (rows.length > 0) yield rows.map(toJobView);
    if (rows.length < PAGE) return;
    last = rows.at(-1);
    await setImmediate();
  }
}
