import { type Job, JobState as JobStateNumber } from "../../../gen/sealwire/v1/job.ts";
import { AttemptOutcome, type JobAttempt as JobAttemptMessage } from "../../../gen/sealwire/v1/job_attempt.ts";
import { isWireReason, SealwireError } from "../../errors.ts";
import type { AttemptRecord, RecordedOutcome } from "../../jobs/attempt-record.ts";
import type { JobError, JobState, JobView } from "../../jobs/job.ts";
import { toTimeMs } from "../../wire/duration.ts";
import { errorFromMessage } from "../../wire/error-message.ts";

/** One attempt of a job. Times are in Unix milliseconds. */
export type JobAttempt = Omit<AttemptRecord, "instance">;

/** The verified state of a job at the time of the answer. Times are in Unix milliseconds. */
export interface JobSnapshot extends Omit<JobView, "owner"> {
  /** The latest attempts, newest first, at most 10; only in the answer to a poll with `includeAttempts`, if it has any. */
  readonly attempts?: readonly JobAttempt[];
}

const STATE_NAMES = new Map<number, JobState>([
  [JobStateNumber.QUEUED, "QUEUED"],
  [JobStateNumber.RUNNING, "RUNNING"],
  [JobStateNumber.SUCCEEDED, "SUCCEEDED"],
  [JobStateNumber.FAILED, "FAILED"],
  [JobStateNumber.CANCELLED, "CANCELLED"],
]);
const STATE_NUMBERS = new Map<JobState, JobStateNumber>(
  [...STATE_NAMES].map(([number, name]) => [name, number as JobStateNumber]),
);

/** The number of a state in the protobuf enum. */
export function stateNumber(state: JobState): JobStateNumber {
  return STATE_NUMBERS.get(state) ?? JobStateNumber.UNSPECIFIED;
}

/** Reads a `sealwire.v1.Job` of a verified answer. Throws RESPONSE_INVALID if this client does not know its state. */
export function readJob(job: Job): JobSnapshot {
  const state = STATE_NAMES.get(job.state);
  if (state === undefined) {
    throw new SealwireError(
      "RESPONSE_INVALID",
      `Job ${job.jobId} is in state ${job.state}, which this client does not know; use the current contract.`,
    );
  }
  return {
    jobId: job.jobId,
    tool: job.tool,
    requestId: job.requestId,
    state,
    revision: Number(job.revision),
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    progress: job.progress && {
      completed: Number(job.progress.completed),
      total: Number(job.progress.total),
      message: job.progress.message,
    },
    error: job.error && readJobError(job.error),
    cancelRequested: job.cancelRequested,
    createdAtMs: job.createTime === undefined ? 0 : toTimeMs(job.createTime),
    startedAtMs: job.startTime && toTimeMs(job.startTime),
    endedAtMs: job.endTime && toTimeMs(job.endTime),
    expiresAtMs: job.expireTime && toTimeMs(job.expireTime),
    traceId: job.traceId || undefined,
  };
}

const OUTCOMES = new Map<number, RecordedOutcome>(
  (["SUCCEEDED", "FAILED", "CANCELLED", "HANDED_BACK", "LOST"] as const).map((name) => [AttemptOutcome[name], name]),
);

/** Reads a `sealwire.v1.JobAttempt` of a verified answer. An outcome that this client does not know is left out. */
export function readAttempt({ number, startTime, endTime, outcome, error }: JobAttemptMessage): JobAttempt {
  return {
    attempt: number,
    startedAtMs: startTime === undefined ? 0 : toTimeMs(startTime),
    endedAtMs: endTime && toTimeMs(endTime),
    outcome: OUTCOMES.get(outcome),
    error: error && readJobError(error),
  };
}

/** The error of a failed or cancelled job; `undefined` while it runs and after success. */
export function errorOfJob({ jobId, state, error }: JobSnapshot): SealwireError | undefined {
  if (state !== "FAILED" && state !== "CANCELLED") return undefined;
  if (error !== undefined) return new SealwireError(error.reason, error.message, error);
  return state === "CANCELLED"
    ? new SealwireError("CANCELLED", `Job ${jobId} was cancelled.`)
    : new SealwireError("INTERNAL", `Job ${jobId} failed and the server does not say why.`);
}

function readJobError(message: NonNullable<Job["error"]>): JobError {
  const {
    reason,
    message: text,
    status,
    retryable,
    violations,
    violationsOmitted,
    retryDelayMs,
    details,
  } = errorFromMessage(message);
  return {
    reason: isWireReason(reason) ? reason : "INTERNAL",
    message: text,
    status,
    retryable,
    violations,
    violationsOmitted,
    retryDelayMs,
    details,
  };
}
