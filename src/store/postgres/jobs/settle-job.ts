import { toAttemptRow } from "../../../jobs/attempt-record.ts";
import type { JobProgress } from "../../../jobs/job.ts";
import { readJobError } from "../../../jobs/job-error.ts";
import type { JobRow, RetryRow } from "../../../jobs/job-row.ts";
import type { TransitionName } from "../../../jobs/transitions.ts";
import { endOfAttempt } from "../../../jobs/worker/attempt-end.ts";
import type { AttemptKey, AttemptOutcome } from "../../../jobs/worker/attempt-store.ts";
import { RUN_BY_NONE, transitionSql } from "../../transition-sql.ts";
import type { Queries } from "../queries.ts";
import { type Statement, sql } from "../statement.ts";
import { KEEP_ATTEMPT, keptValues } from "./attempts.ts";

/** The end of an attempt, with its last progress and its time. */
export interface Ending {
  readonly attempt: AttemptKey;
  readonly progress: JobProgress | undefined;
  readonly nowMs: number;
}

const FENCE = ["attempt = :attempt"];
const PROGRESS = [
  "progress_completed = coalesce(:completed, progress_completed)",
  "progress_total = coalesce(:total, progress_total)",
  "progress_message = coalesce(:message, progress_message)",
];

/** The statement that ends an attempt. It also deletes the arguments of an ended job. */
function ending(name: TransitionName, set: readonly string[], more = ""): Statement {
  const update = transitionSql(name, { set: [...PROGRESS, ...set], where: FENCE });
  return sql(`WITH ended AS (${update})${more} SELECT * FROM ended`);
}

const NO_ARGS = ", gone AS (DELETE FROM job_args USING ended WHERE job_args.seq = ended.seq)";
const KEEP_RESULT = ", kept AS (INSERT INTO job_result SELECT seq, :result FROM ended)";
const SUCCEED = ending("succeed", [], KEEP_RESULT + NO_ARGS);
const FAIL = ending("fail", ["failures = :failures", "error = :error"], NO_ARGS);
const RETRY = ending(
  "retry",
  ["failures = :failures", "error = :error", "run_at_ms = :runAt", RUN_BY_NONE],
  KEEP_ATTEMPT,
);
const HAND_BACK = ending(
  "handBack",
  ["run_at_ms = :runAt", "queue_deadline_ms = :queueDeadline", RUN_BY_NONE],
  KEEP_ATTEMPT,
);
const CANCEL = ending("cancelRunning", ["error = :error"], NO_ARGS);
const STATEMENTS = { fail: FAIL, retry: RETRY, handBack: HAND_BACK, cancelRunning: CANCEL };
const RUNNING = sql(`
  SELECT *, coalesce((SELECT hand_backs FROM job_hand_back WHERE job_hand_back.seq = job.seq), 0) AS hand_backs
  FROM job WHERE job_id = :jobId AND state = 'RUNNING' AND attempt = :attempt FOR UPDATE`);
const SETTLED = sql("SELECT * FROM job WHERE job_id = :jobId AND attempt = :attempt AND state <> 'RUNNING'");
const KEEP_HAND_BACKS = sql(`
  INSERT INTO job_hand_back VALUES (:seq, :handBacks)
  ON CONFLICT (seq) DO UPDATE SET hand_backs = excluded.hand_backs`);

/** Records a result in one statement. Returns no row if the attempt is not the running one. */
export async function succeed(queries: Queries, end: Ending, result: Uint8Array): Promise<JobRow | undefined> {
  const [row] = await queries.all<JobRow>(SUCCEED, { ...valuesOf(end), result: Buffer.from(result) });
  return row;
}

/**
 * Records the end of an attempt without a result, in a transaction, as {@link endOfAttempt} decides. Returns no row if
 * the attempt is not the running one.
 */
export async function settle(
  queries: Queries,
  end: Ending,
  outcome: Exclude<AttemptOutcome, { kind: "succeeded" }>,
): Promise<JobRow | undefined> {
  const [running] = await queries.all<RetryRow>(RUNNING, { ...end.attempt });
  if (running === undefined) return undefined;
  const ended = endOfAttempt(running, outcome, end.nowMs);
  const { transition, ...values } = ended;
  const kept = "runAt" in ended ? keptValues(toAttemptRow(running, ended, end.nowMs)) : undefined;
  const [row] = await queries.all<JobRow>(STATEMENTS[transition], { ...kept, ...valuesOf(end), ...values });
  if ("handBacks" in values && values.handBacks !== running.hand_backs) {
    await queries.all(KEEP_HAND_BACKS, { seq: running.seq, handBacks: values.handBacks });
  }
  return row;
}

/**
 * Finds the job whose attempt this process has settled without a confirmation. Returns no row if it was not settled, another
 * process has ended it as lost, or the next attempt has begun.
 */
export async function findSettled(queries: Queries, attempt: AttemptKey): Promise<JobRow | undefined> {
  const [row] = await queries.all<JobRow>(SETTLED, { ...attempt });
  const isLost = typeof row?.error === "string" && readJobError(row.error).reason === "WORKER_LOST";
  return isLost ? undefined : row;
}

function valuesOf({ attempt, progress, nowMs }: Ending) {
  return {
    jobId: attempt.jobId,
    attempt: attempt.attempt,
    now: nowMs,
    completed: progress?.completed ?? null,
    total: progress?.total ?? null,
    message: progress?.message ?? null,
  };
}
