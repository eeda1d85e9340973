import type { DatabaseSync } from "node:sqlite";
import type { TenantQueue } from "../../../jobs/fair-queue.ts";
import { DUE_AT } from "../../transition-sql.ts";

/** Prepares the read of all queues: one index seek per queue, independent of its length. */
export function prepareReadQueues(db: DatabaseSync): (nowMs: number) => Iterable<TenantQueue> {
  const next = db.prepare(`
    SELECT priority, tool, owner, ${DUE_AT} AS dueAtMs FROM job
    WHERE state = 'QUEUED' AND (priority, tool, owner) > (:priority, :tool, :owner)
    ORDER BY priority, tool, owner, run_at_ms LIMIT 1`);
  return function* (nowMs) {
    for (let at = { priority: Number.MIN_SAFE_INTEGER, tool: "", owner: "" }; ; ) {
      const queue = next.get({ priority: at.priority, tool: at.tool, owner: at.owner, now: nowMs }) as unknown as
        | TenantQueue
        | undefined;
      if (queue === undefined) return;
      yield { ...queue };
      at = queue;
    }
  };
}
