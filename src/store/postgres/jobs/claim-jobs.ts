import type { TenantQueue } from "../../../jobs/fair-queue.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import { TRANSITIONS } from "../../../jobs/transitions.ts";
import { CLAIM_SET, DUE_AT, RUN_BY } from "../../transition-sql.ts";
import { RENEW_OLD_LEASE } from "../instance.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

/** The number of jobs to claim from a queue. */
export interface QueueShare {
  readonly queue: TenantQueue;
  readonly places: number;
}

/** A claimed job with its arguments. */
export interface ClaimedRow extends JobRow {
  readonly args: Uint8Array;
  /** The end of the queue time-out before the claim, Unix milliseconds. */
  readonly deadline_before_ms: number | null;
}

const { from, to } = TRANSITIONS.claim;
const QUEUES = "unnest(:priorities::integer[], :tools::text[], :owners::text[]";
const IN_QUEUE = `state = '${from}' AND job.priority = queue.priority AND job.tool = queue.tool AND job.owner = queue.owner`;

/**
 * Skips rows that other workers are claiming (SKIP LOCKED), so that workers do not wait for each other. A lease that has run
 * out, as while the database was away, is renewed with the claim: otherwise another process would end the new attempts as
 * lost before the next renewal.
 */
const CLAIM = sql(`
  WITH leased AS (${RENEW_OLD_LEASE}), picked AS MATERIALIZED (
    SELECT due.* FROM ${QUEUES}, :places::integer[]) AS queue (priority, tool, owner, places)
    CROSS JOIN LATERAL (
      SELECT seq, queue_deadline_ms AS deadline_before_ms FROM job WHERE ${IN_QUEUE}
        AND (run_at_ms <= :now OR run_at_ms - max_backoff_ms > :now)
        AND (queue_deadline_ms IS NULL OR queue_deadline_ms > :now)
      ORDER BY run_at_ms, seq LIMIT queue.places FOR UPDATE SKIP LOCKED
    ) AS due
  ), claimed AS (
    UPDATE job SET state = '${to}', revision = revision + 1, ${[...CLAIM_SET, RUN_BY].join(", ")}
    WHERE seq = ANY (ARRAY(SELECT seq FROM picked)) RETURNING *
  )
  SELECT claimed.*, deadline_before_ms, (SELECT args FROM job_args WHERE job_args.seq = claimed.seq) AS args
  FROM claimed JOIN picked USING (seq) ORDER BY seq`);

const NEXT_DUE = sql(`
  SELECT queue.place, next.due_at_ms FROM ${QUEUES}) WITH ORDINALITY AS queue (priority, tool, owner, place)
  CROSS JOIN LATERAL (
    SELECT ${DUE_AT} AS due_at_ms FROM job WHERE ${IN_QUEUE} ORDER BY run_at_ms LIMIT 1
  ) AS next`);

/** One index seek per queue, independent of its length. */
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

/** Claims the oldest due jobs of each queue. */
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

/** The due time of the next job of each queue, Unix milliseconds; `undefined` for an empty queue. */
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

/** Reads all queues from the database. */
export async function readQueues(queries: Queries, nowMs: number): Promise<readonly TenantQueue[]> {
  type QueueRow = Omit<TenantQueue, "dueAtMs"> & { readonly due_at_ms: number };
  const rows = await queries.all<QueueRow>(READ_QUEUES, { now: nowMs });
  return rows.map(({ priority, tool, owner, due_at_ms: dueAtMs }) => ({ priority, tool, owner, dueAtMs }));
}

/** The number of running jobs of each owner in all processes. */
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
