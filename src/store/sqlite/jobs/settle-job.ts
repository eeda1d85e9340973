import type { DatabaseSync } from "node:sqlite";
import { backoffMs } from "../../../jobs/backoff.ts";
import type { JobError, JobProgress } from "../../../jobs/job.ts";
import { jobErrorOf, writeJobError } from "../../../jobs/job-error.ts";
import type { JobRow, RetryRow } from "../../../jobs/job-row.ts";
import type { TransitionName } from "../../../jobs/transitions.ts";
import { JOB_COLUMNS } from "./job-columns.ts";
import type { JobCounts } from "./job-counts.ts";
import { prepareTransition } from "./transition.ts";

/** The end of an attempt, with its last progress and its time. */
export interface Ending {
  /** The job's row at any time since the attempt began. */
  readonly job: JobRow;
  readonly attempt: number;
  readonly progress: JobProgress | undefined;
  readonly nowMs: number;
}

/**
 * The operations that end a running attempt. Each returns the job's row, or `undefined` if the attempt is not the
 * running one.
 */
export interface SettleOperations {
  succeed(ending: Ending, result: Uint8Array): JobRow | undefined;
  /** Queues the job again if `retry` is set and an attempt is left, otherwise fails it. */
  fail(ending: Ending, error: JobError, retry: boolean): JobRow | undefined;
  /** Queues the job again without counting a failure. */
  handBack(ending: Ending): JobRow | undefined;
  cancelRunning(ending: Ending): JobRow | undefined;
}

const FENCE = ["attempt = :attempt"];
const KEEP_PROGRESS = [
  "progress_completed = coalesce(:completed, progress_completed)",
  "progress_total = coalesce(:total, progress_total)",
  "progress_message = coalesce(:message, progress_message)",
];

/**
 * Prepares the operations that end an attempt. A requested cancellation takes precedence over retry, failure and
 * hand-back.
 */
export function prepareSettle(db: DatabaseSync, counts: JobCounts): SettleOperations {
  const ending = (name: TransitionName, set: readonly string[] = []) =>
    prepareTransition(db, counts, name, { set: [...KEEP_PROGRESS, ...set], where: FENCE });
  const transitions = {
    succeed: ending("succeed"),
    fail: ending("fail", ["failures = :failures", "error = :error"]),
    retry: ending("retry", ["failures = :failures", "error = :error", "run_at_ms = :runAt"]),
    handBack: ending("handBack", ["run_at_ms = :now"]),
    cancelRunning: ending("cancelRunning", ["error = :error"]),
  };
  const running = db.prepare(`
    SELECT ${JOB_COLUMNS}, failures, initial_backoff_ms, max_backoff_ms
    FROM job WHERE job_id = ? AND attempt = ? AND state = 'RUNNING'`);
  const insertResult = db.prepare("INSERT INTO job_result VALUES (?, ?)");
  const deleteArgs = db.prepare("DELETE FROM job_args WHERE seq = ?");

  const findRunning = ({ job, attempt }: Ending) => running.get(job.job_id, attempt) as unknown as RetryRow | undefined;

  const finished = (row: JobRow | undefined): JobRow | undefined => {
    if (row !== undefined) deleteArgs.run(row.seq);
    return row;
  };

  const operations: SettleOperations = {
    succeed(ending, result) {
      const row = transitions.succeed(ending.job, parameters(ending));
      if (row !== undefined) insertResult.run(row.seq, result);
      return finished(row);
    },

    fail(ending, error, retry) {
      const row = findRunning(ending);
      if (row === undefined) return undefined;
      if (row.cancel_requested) return operations.cancelRunning(ending);
      const failures = row.failures + 1;
      const failed = { ...parameters(ending), failures, error: writeJobError(error) };
      if (!retry || failures >= row.max_attempts) return finished(transitions.fail(row, failed));
      const policy = { initialBackoffMs: row.initial_backoff_ms, maxBackoffMs: row.max_backoff_ms };
      return transitions.retry(row, {
        ...failed,
        runAt: ending.nowMs + backoffMs(policy, failures, error.retryDelayMs),
      });
    },

    handBack(ending) {
      if (findRunning(ending)?.cancel_requested) return operations.cancelRunning(ending);
      return transitions.handBack(ending.job, parameters(ending));
    },

    cancelRunning(ending) {
      const error = writeJobError(jobErrorOf("CANCELLED"));
      return finished(transitions.cancelRunning(ending.job, { ...parameters(ending), error }));
    },
  };
  return operations;
}

function parameters({ attempt, progress, nowMs }: Ending) {
  return {
    now: nowMs,
    attempt,
    completed: progress?.completed ?? null,
    total: progress?.total ?? null,
    message: progress?.message ?? null,
  };
}
