import type { WireReason } from "../errors.ts";
import { cutText } from "../wire/error-message.ts";
import type { JobError } from "./job.ts";
import { readJobError } from "./job-error.ts";
import type { JobRow } from "./job-row.ts";
import type { AttemptEnd } from "./worker/attempt-end.ts";

/*
 * The record of a job's attempts. A row is written only for an attempt that returned its job to the queue. The latest
 * attempt is described by the row of the job: `instance_id` is set by the claim, kept when the job ends, and removed
 * when the job returns to the queue. A job that succeeds in its first attempt therefore costs no additional write.
 */

/** Number of earlier attempts of a job that are kept. A job may be handed back any number of times. */
export const ATTEMPTS_KEPT_MAX = 1_000;
/** Maximum length of the message of an attempt's error, in UTF-16 units. */
const MESSAGE_LENGTH_MAX = 256;

/**
 * How an attempt ended: as its job, or `HANDED_BACK`: the job returned to the queue without a failure, `LOST`: its
 * process died or no longer held the job.
 */
export type RecordedOutcome = "SUCCEEDED" | "FAILED" | "CANCELLED" | "HANDED_BACK" | "LOST";

/** One attempt of a job. Times are in Unix milliseconds. */
export interface AttemptRecord {
  readonly attempt: number;
  /** Id of the process that ran it; empty if software of an older layout ran it. */
  readonly instance: string;
  readonly startedAtMs: number;
  /** `undefined` while it runs. */
  readonly endedAtMs: number | undefined;
  readonly outcome: RecordedOutcome | undefined;
  /** Why it failed, its message cut to 256 characters. */
  readonly error: Pick<JobError, "reason" | "message"> | undefined;
}

/** A row of the table `job_attempt`, without the number of its job. */
export interface AttemptRow {
  readonly attempt: number;
  readonly instance_id: string | null;
  readonly started_at_ms: number;
  readonly ended_at_ms: number;
  readonly outcome: RecordedOutcome;
  readonly reason: WireReason | null;
  readonly message: string | null;
}

/** The row of an attempt that returns its job to the queue. `running`: the row of the job before. */
export function toAttemptRow(
  running: JobRow,
  end: Extract<AttemptEnd, { readonly runAt: number }>,
  nowMs: number,
): AttemptRow {
  const error = end.transition === "retry" ? attemptError(end.error) : undefined;
  const startedAtMs = running.started_at_ms ?? nowMs;
  return {
    attempt: running.attempt,
    instance_id: running.instance_id,
    started_at_ms: startedAtMs,
    // Another process may have started it, with a clock that is ahead.
    ended_at_ms: Math.max(startedAtMs, nowMs),
    outcome: error === undefined ? "HANDED_BACK" : failedOutcome(error.reason),
    reason: error?.reason ?? null,
    message: error?.message ?? null,
  };
}

/** Reads rows of `job_attempt`. */
export interface AttemptReader {
  /** The attempts of a job with a number up to `upTo`, newest first. */
  attempts(seq: number, upTo: number, limit: number): Promise<readonly AttemptRow[]>;
}

/** The latest attempts of a job as of its row, newest first. */
export async function readAttempts(
  row: JobRow,
  { reader, limit }: { readonly reader: AttemptReader; readonly limit: number },
): Promise<readonly AttemptRecord[]> {
  const latest = latestAttempt(row);
  const most = limit - (latest === undefined ? 0 : 1);
  // Rows of attempts never change, so they agree with a row of the job that was read before.
  const upTo = row.attempt - (latest === undefined ? 0 : 1);
  const earlier = upTo > 0 && most > 0 ? await reader.attempts(row.seq, upTo, most) : [];
  const records = earlier.map(toRecord);
  return latest === undefined || limit < 1 ? records : [latest, ...records];
}

/** The attempt that the row of its job describes; `undefined` if the latest attempt returned the job to the queue. */
function latestAttempt(row: JobRow): AttemptRecord | undefined {
  if (row.state === "QUEUED" || row.instance_id === null || row.started_at_ms === null) return undefined;
  const attempt = { attempt: row.attempt, instance: row.instance_id, startedAtMs: row.started_at_ms };
  if (row.state === "RUNNING") return { ...attempt, endedAtMs: undefined, outcome: undefined, error: undefined };
  const error = row.error === null ? undefined : attemptError(row.error);
  const outcome = row.state === "FAILED" ? failedOutcome(error?.reason) : row.state;
  return { ...attempt, endedAtMs: Math.max(row.started_at_ms, row.ended_at_ms ?? 0), outcome, error };
}

function toRecord(row: AttemptRow): AttemptRecord {
  const { reason, message } = row;
  return {
    attempt: row.attempt,
    instance: row.instance_id ?? "",
    startedAtMs: row.started_at_ms,
    endedAtMs: row.ended_at_ms,
    outcome: row.outcome,
    error: reason === null ? undefined : { reason, message: message ?? "" },
  };
}

function attemptError(stored: string): Pick<JobError, "reason" | "message"> {
  const { reason, message } = readJobError(stored);
  return { reason, message: cutText(message, MESSAGE_LENGTH_MAX) };
}

function failedOutcome(reason: WireReason | undefined): RecordedOutcome {
  return reason === "WORKER_LOST" ? "LOST" : "FAILED";
}
