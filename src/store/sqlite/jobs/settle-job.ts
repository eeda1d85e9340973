import type { DatabaseSync } from "node:sqlite";
import { toAttemptRow } from "../../../jobs/attempt-record.ts";
import type { JobProgress } from "../../../jobs/job.ts";
import type { JobRow, RetryRow } from "../../../jobs/job-row.ts";
import { isTerminal, type TransitionName } from "../../../jobs/transitions.ts";
import { endOfAttempt } from "../../../jobs/worker/attempt-end.ts";
import type { AttemptOutcome } from "../../../jobs/worker/attempt-store.ts";
import { RUN_BY_NONE } from "../../transition-sql.ts";
import { prepareKeepAttempt } from "./attempts.ts";
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
  /** Ends an attempt without a result as {@link endOfAttempt} decides. */
  end(ending: Ending, outcome: Exclude<AttemptOutcome, { kind: "succeeded" }>): JobRow | undefined;
}

const FENCE = ["attempt = :attempt"];
const FAILED = ["failures = :failures", "hand_backs = :handBacks", "error = :error"];
const KEEP_PROGRESS = [
  "progress_completed = coalesce(:completed, progress_completed)",
  "progress_total = coalesce(:total, progress_total)",
  "progress_message = coalesce(:message, progress_message)",
];

/** Prepares the operations that end an attempt. */
export function prepareSettle(db: DatabaseSync, counts: JobCounts): SettleOperations {
  const ending = (name: TransitionName, set: readonly string[] = []) =>
    prepareTransition(db, counts, name, { set: [...KEEP_PROGRESS, ...set], where: FENCE });
  const succeed = ending("succeed");
  const transitions = {
    fail: ending("fail", FAILED),
    retry: ending("retry", [...FAILED, "run_at_ms = :runAt", RUN_BY_NONE]),
    handBack: ending("handBack", [
      RUN_BY_NONE,
      "hand_backs = :handBacks",
      "run_at_ms = :runAt",
      "queue_deadline_ms = :queueDeadline",
    ]),
    cancelRunning: ending("cancelRunning", ["error = :error"]),
  };
  const running = db.prepare(`
    SELECT ${JOB_COLUMNS}, failures, hand_backs, initial_backoff_ms, max_backoff_ms
    FROM job WHERE job_id = ? AND attempt = ? AND state = 'RUNNING'`);
  const insertResult = db.prepare("INSERT INTO job_result VALUES (?, ?)");
  const keepAttempt = prepareKeepAttempt(db);
  const deleteArgs = db.prepare("DELETE FROM job_args WHERE seq = ?");

  return {
    succeed(ending, result) {
      const row = succeed(ending.job, parameters(ending));
      if (row === undefined) return undefined;
      insertResult.run(row.seq, result);
      deleteArgs.run(row.seq);
      return row;
    },

    end(ending, outcome) {
      const found = running.get(ending.job.job_id, ending.attempt) as RetryRow | undefined;
      if (found === undefined) return undefined;
      const end = endOfAttempt(found, outcome, ending.nowMs);
      const { transition, ...values } = end;
      const row = transitions[transition](found, { ...parameters(ending), ...values });
      if (row === undefined) return undefined;
      if (isTerminal(row.state)) deleteArgs.run(row.seq);
      if ("runAt" in end) keepAttempt(row.seq, toAttemptRow(found, end, ending.nowMs));
      return row;
    },
  };
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
