import { backoffMs } from "../../../jobs/backoff.ts";
import type { JobProgress } from "../../../jobs/job.ts";
import { jobErrorOf, writeJobError } from "../../../jobs/job-error.ts";
import type { JobRow, RetryRow } from "../../../jobs/job-row.ts";
import type { TransitionName } from "../../../jobs/transitions.ts";
import type { AttemptKey, AttemptOutcome } from "../../../jobs/worker/attempt-store.ts";
import { transitionSql } from "../../transition-sql.ts";
import type { Queries } from "../queries.ts";
import { type Statement, sql } from "../statement.ts";

/** The end of an attempt: its outcome, last progress and time. */
export interface Ending {
  readonly attempt: AttemptKey;
  readonly outcome: AttemptOutcome;
  readonly progress: JobProgress | undefined;
  readonly nowMs: number;
}

const FENCE = ["attempt = :attempt"];
const PROGRESS = [
  "progress_completed = coalesce(:completed, progress_completed)",
  "progress_total = coalesce(:total, progress_total)",
  "progress_message = coalesce(:message, progress_message)",
  "instance_id = NULL",
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
const RETRY = ending("retry", ["failures = :failures", "error = :error", "run_at_ms = :runAt"]);
const HAND_BACK = ending("handBack", ["run_at_ms = :now"]);
const CANCEL = ending("cancelRunning", ["error = :error"], NO_ARGS);
const RUNNING = sql("SELECT * FROM job WHERE job_id = :jobId AND state = 'RUNNING' AND attempt = :attempt FOR UPDATE");

/** Records a result in one statement. Returns no row if the attempt is not the running one. */
export async function succeed(queries: Queries, end: Ending, result: Uint8Array): Promise<JobRow | undefined> {
  const [row] = await queries.all<JobRow>(SUCCEED, { ...valuesOf(end), result: Buffer.from(result) });
  return row;
}

/**
 * Records the end of an attempt without a result, in a transaction. A requested cancellation takes precedence over
 * retry, failure and hand-back. Returns no row if the attempt is not the running one.
 */
export async function settle(queries: Queries, end: Ending): Promise<JobRow | undefined> {
  const [running] = await queries.all<RetryRow>(RUNNING, { ...end.attempt });
  if (running === undefined) return undefined;
  const { statement, values } = decide(running, end);
  const [row] = await queries.all<JobRow>(statement, { ...valuesOf(end), ...values });
  return row;
}

function decide(running: RetryRow, { outcome, nowMs }: Ending): { statement: Statement; values?: object } {
  if (running.cancel_requested || outcome.kind === "cancelled") {
    return { statement: CANCEL, values: { error: writeJobError(jobErrorOf("CANCELLED")) } };
  }
  if (outcome.kind !== "failed") return { statement: HAND_BACK };
  const failures = running.failures + 1;
  const failed = { failures, error: writeJobError(outcome.error) };
  if (!outcome.retry || failures >= running.max_attempts) return { statement: FAIL, values: failed };
  const policy = { initialBackoffMs: running.initial_backoff_ms, maxBackoffMs: running.max_backoff_ms };
  return {
    statement: RETRY,
    values: { ...failed, runAt: nowMs + backoffMs(policy, failures, outcome.error.retryDelayMs) },
  };
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
