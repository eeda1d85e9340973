import { SealwireError } from "../../errors.ts";
import { backoffMs } from "../backoff.ts";
import { jobErrorOf, toJobError, writeJobError } from "../job-error.ts";
import type { RetryRow } from "../job-row.ts";
import type { AttemptOutcome, FailedAttempt } from "./attempt-store.ts";

/** Number of counted hand-backs of a job that are no failure. */
const MAX_HAND_BACKS = 10;

/** The transition that ends an attempt without a result, and the new values of columns. Times in Unix milliseconds. */
export type AttemptEnd =
  | { readonly transition: "cancelRunning"; readonly error: string }
  | {
      readonly transition: "fail";
      readonly error: string;
      readonly failures: number;
      readonly handBacks: number;
    }
  | {
      readonly transition: "retry";
      readonly error: string;
      readonly failures: number;
      readonly handBacks: number;
      readonly runAt: number;
    }
  | {
      readonly transition: "handBack";
      readonly handBacks: number;
      readonly runAt: number;
      readonly queueDeadline: number | null;
    };

const HANDED_BACK_TOO_OFTEN: FailedAttempt = {
  kind: "failed",
  error: toJobError(
    new SealwireError(
      "UNAVAILABLE",
      `The tool's server was shutting down in ${MAX_HAND_BACKS + 1} attempts of the job.`,
    ),
  ),
  retry: true,
};

/**
 * Decides how an attempt without a result ends. `running` is the job's row. A requested cancellation takes precedence
 * over retry, failure and hand-back.
 */
export function endOfAttempt(
  running: RetryRow,
  outcome: Exclude<AttemptOutcome, { kind: "succeeded" }>,
  nowMs: number,
): AttemptEnd {
  if (running.cancel_requested || outcome.kind === "cancelled") {
    return { transition: "cancelRunning", error: writeJobError(jobErrorOf("CANCELLED")) };
  }
  if (outcome.kind === "failed") return endOfFailed(running, outcome, { nowMs, handBacks: running.hand_backs });
  const handBacks = running.hand_backs + (outcome.isCounted ? 1 : 0);
  if (handBacks > MAX_HAND_BACKS) return endOfFailed(running, HANDED_BACK_TOO_OFTEN, { nowMs, handBacks: 0 });
  return {
    transition: "handBack",
    handBacks,
    // A job that is due later than its maximum backoff counts as due: the clock was set back.
    runAt: nowMs + Math.min(outcome.delayMs, running.max_backoff_ms),
    queueDeadline: outcome.queueDeadlineMs ?? null,
  };
}

function endOfFailed(
  running: RetryRow,
  { error, retry }: FailedAttempt,
  { nowMs, handBacks }: { readonly nowMs: number; readonly handBacks: number },
): AttemptEnd {
  const failures = running.failures + 1;
  const failed = { error: writeJobError(error), failures, handBacks };
  if (!retry || failures >= running.max_attempts) return { transition: "fail", ...failed };
  const policy = { initialBackoffMs: running.initial_backoff_ms, maxBackoffMs: running.max_backoff_ms };
  return { transition: "retry", ...failed, runAt: nowMs + backoffMs(policy, failures, error.retryDelayMs) };
}
