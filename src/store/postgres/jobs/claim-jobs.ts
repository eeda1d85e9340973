import type { TenantQueue } from "../../../jobs/fair-queue.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import { TRANSITIONS } from "../../../jobs/transitions.ts";
import { CLAIM_SET, DUE_AT } from "../../transition-sql.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

/** How many jobs to take from a queue. */
export interface QueueShare {
  readonly queue: TenantQueue;
  readonly places: number;
}

/** A job that was claimed, with the arguments to run it with. */
export interface ClaimedRow extends JobRow {
  readonly args: Uint8Array;
}

const { from, to } = TRANSITIONS.claim;
const QUEUES = "unnest(:priorities::integer[], :tools::text[], :owners::text[]";
const IN_QUEUE = `state = '${from}' AND job.priority = queue.priority AND job.tool = queue.tool AND job.owner = queue.owner`;

/** What other workers are about to claim is passed over, so that nobody waits for anybody. */
const CLAIM = sql(`
  WITH picked AS MATERIALIZED (
    SELECT due.seq FROM ${QUEUES}, :places::integer[]) AS queue (priority, tool, owner, places)
    CROSS JOIN LATERAL (
      SELECT seq FROM job WHERE ${IN_QUEUE}
        AND (run_at_ms <= :now OR run_at_ms - max_backoff_ms > :now)
        AND (queue_deadline_ms IS NULL OR queue_deadline_ms > :now)
      ORDER BY run_at_ms, seq LIMIT queue.places FOR UPDATE SKIP LOCKED
    ) AS due
  ), claimed AS (
    UPDATE job SET state = '${to}', revision = revision + 1, instance_id = :instanceId, ${CLAIM_SET.join(", ")}
    WHERE seq = ANY (ARRAY(SELECT seq FROM picked)) RETURNING *
  )
  SELECT claimed.*, (SELECT args FROM job_args WHERE job_args.seq = claimed.seq) AS args FROM claimed ORDER BY seq`);

const NEXT_DUE = sql(`
  SELECT queue.place, next.due_at_ms FROM ${QUEUES}) WITH ORDINALITY AS queue (priority, tool, owner, place)
  CROSS JOIN LATERAL (
    SELECT ${DUE_AT} AS due_at_ms FROM job WHERE ${IN_QUEUE} ORDER BY run_at_ms LIMIT 1
  ) AS next`);

/** One seek for each queue, however long it is. */
const READ_QUEUES = sql(`
  WITH RECURSIVE queue AS (
    (SELECT priority, tool, owner, run_at_ms, max_backoff_ms FROM job WHERE state = '${from}'
     ORDER BY priority, tool, owner, run_at_ms LIMIT 1)
    UNION ALL
    SELECT next.* FROM queue CROSS JOIN LATERAL (
      SELECT priority, tool, owner, run_at_ms, max_backoff_ms FROM job
      WHERE state = '${from}' AND (priority, tool, owner) > (queue.priority, queue.tool, queue.owner)
      ORDER BY priority, tool, owner, run_at_ms LIMIT 1
    ) AS next
  )
  SELECT priority, tool, owner, ${DUE_AT} AS due_at_ms FROM queue`);

const RUNNING = sql(
  "SELECT owner, count(*) AS jobs FROM job WHERE state = 'RUNNING' AND owner = ANY (:owners::text[]) GROUP BY owner",
);

/** Claims the longest-waiting due jobs of each queue. */
export function claimJobs(
  queries: Queries,
  shares: readonly QueueShare[],
  { instanceId, nowMs }: { readonly instanceId: string; readonly nowMs: number },
): Promise<ClaimedRow[]> {
  const fairQueue = valuesOf(shares.map(({ queue }) => queue));
  return queries.all<ClaimedRow>(CLAIM, {
    ...fairQueue,
    places: shares.map(({ places }) => places),
    instanceId,
    now: nowMs,
  });
}

/** When the next job of each queue is due, Unix milliseconds; `undefined` for a queue without jobs. */
export async function readNextDue(
  queries: Queries,
  fairQueue: readonly TenantQueue[],
  nowMs: number,
): Promise<readonly (number | undefined)[]> {
  const rows = await queries.all<{ place: number; due_at_ms: number }>(NEXT_DUE, {
    ...valuesOf(fairQueue),
    now: nowMs,
  });
  const dueAtMs = new Map(rows.map((row) => [row.place, row.due_at_ms]));
  return fairQueue.map((_, index) => dueAtMs.get(index + 1));
}

/** All queues as they are in the database. */
export async function readQueues(queries: Queries, nowMs: number): Promise<readonly TenantQueue[]> {
  type QueueRow = Omit<TenantQueue, "dueAtMs"> & { readonly due_at_ms: number };
  const rows = await queries.all<QueueRow>(READ_QUEUES, { now: nowMs });
  return rows.map(({ priority, tool, owner, due_at_ms: dueAtMs }) => ({ priority, tool, owner, dueAtMs }));
}

/** How many jobs of each owner run, in all processes. */
export async function countRunning(queries: Queries, owners: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await queries.all<{ owner: string; jobs: number }>(RUNNING, { owners });
  return new Map(rows.map(({ owner, jobs }) => [owner, jobs]));
}

function valuesOf(fairQueue: readonly TenantQueue[]) {
  return {
    priorities: fairQueue.map(({ priority }) => priority),
    tools: fairQueue.map(({ tool }) => tool),
    owners: fairQueue.map(({ owner }) => owner),
  };
}
