import type { DatabaseSync } from "node:sqlite";
import { backoffMs } from "../../../jobs/backoff.ts";
import type { JobError, JobProgress } from "../../../jobs/job.ts";
import { jobErrorOf } from "../../../jobs/job-error.ts";
import type { JobRow } from "../../../jobs/job-row.ts";
import type { AttemptKey } from "../../../jobs/worker/attempt-store.ts";
import { transitionSql } from "../../transition-sql.ts";

/** The end of an attempt, with its last progress and its time. */
export interface Ending {
  readonly attempt: AttemptKey;
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
export function prepareSettle(db: DatabaseSync): SettleOperations {
  const ending = (set: readonly string[] = []) => ({ set: [...KEEP_PROGRESS, ...set], where: FENCE });
  const statements = {
    running: db.prepare("SELECT * FROM job WHERE job_id = ? AND attempt = ? AND state = 'RUNNING'"),
    succeed: db.prepare(transitionSql("succeed", ending())),
    fail: db.prepare(transitionSql("fail", ending(["failures = :failures", "error = :error"]))),
    retry: db.prepare(transitionSql("retry", ending(["failures = :failures", "error = :error", "run_at_ms = :runAt"]))),
    handBack: db.prepare(transitionSql("handBack", ending(["run_at_ms = :now"]))),
    cancelRunning: db.prepare(transitionSql("cancelRunning", ending(["error = :error"]))),
    insertResult: db.prepare("INSERT INTO job_result VALUES (?, ?)"),
    deleteArgs: db.prepare("DELETE FROM job_args WHERE seq = ?"),
  };

  const findRunning = ({ attempt }: Ending) =>
    statements.running.get(attempt.jobId, attempt.attempt) as unknown as JobRow | undefined;

  const finished = (row: JobRow | undefined): JobRow | undefined => {
    if (row !== undefined) statements.deleteArgs.run(row.seq);
    return row;
  };

  const operations: SettleOperations = {
    succeed(ending, result) {
      const row = statements.succeed.get({ ...parameters(ending), now: ending.nowMs }) as unknown as JobRow | undefined;
      if (row !== undefined) statements.insertResult.run(row.seq, result);
      return finished(row);
    },

    fail(ending, error, retry) {
      const running = findRunning(ending);
      if (running === undefined) return undefined;
      if (running.cancel_requested) return operations.cancelRunning(ending);
      const failures = running.failures + 1;
      const failed = { ...parameters(ending), failures, error: JSON.stringify(error) };
      if (!retry || failures >= running.max_attempts) {
        return finished(statements.fail.get({ ...failed, now: ending.nowMs }) as unknown as JobRow);
      }
      const policy = { initialBackoffMs: running.initial_backoff_ms, maxBackoffMs: running.max_backoff_ms };
      const runAt = ending.nowMs + backoffMs(policy, failures);
      return statements.retry.get({ ...failed, runAt }) as unknown as JobRow;
    },

    handBack(ending) {
      if (findRunning(ending)?.cancel_requested) return operations.cancelRunning(ending);
      return statements.handBack.get({ ...parameters(ending), now: ending.nowMs }) as unknown as JobRow | undefined;
    },

    cancelRunning(ending) {
      const error = JSON.stringify(jobErrorOf("CANCELLED"));
      return finished(
        statements.cancelRunning.get({ ...parameters(ending), error, now: ending.nowMs }) as unknown as
          | JobRow
          | undefined,
      );
    },
  };
  return operations;
}

function parameters({ attempt, progress }: Ending) {
  return {
    jobId: attempt.jobId,
    attempt: attempt.attempt,
    completed: progress?.completed ?? null,
    total: progress?.total ?? null,
    message: progress?.message ?? null,
  };
}
