import { isWireReason, SealwireError, type WireReason } from "../errors.ts";
import { cutText, errorFromMessage, errorToMessage } from "../wire/error-message.ts";
import type { JobError } from "./job.ts";

const MAX_MESSAGE_LENGTH = 2048;

/**
 * The error that a job records for a thrown value. A value that is not a SealwireError with a wire reason becomes
 * INTERNAL with a fixed text. Violations and details are limited as in an answer.
 */
export function toJobError(thrown: unknown): JobError {
  const error = SealwireError.from(thrown);
  const { reason } = error;
  if (!isWireReason(reason)) return toJobError(new Error("local reason", { cause: error }));
  const { violations, violationsOmitted, retryDelayMs, details } = errorFromMessage(errorToMessage(error));
  return {
    reason,
    status: error.status,
    message: cutText(error.message, MAX_MESSAGE_LENGTH),
    retryable: error.retryable,
    violations,
    violationsOmitted,
    retryDelayMs,
    details,
  };
}

/** The job error of a reason, with the text of its table entry. */
export function jobErrorOf(reason: WireReason): JobError {
  return toJobError(new SealwireError(reason));
}

/** The job error of an attempt whose process was lost. Another attempt may follow. */
export function lostAttemptError(): JobError {
  return toJobError(new SealwireError("WORKER_LOST", "The process that ran the attempt was lost."));
}

/** A job error in a store. Members without a value are left out. */
type StoredJobError = Pick<JobError, "reason" | "status" | "message" | "retryable"> &
  Partial<Pick<JobError, "violations" | "violationsOmitted" | "retryDelayMs">> & {
    /** The values are in base64. */
    readonly details?: readonly { readonly typeUrl: string; readonly value: string }[];
  };

/** Serializes a job error as JSON for a store. */
export function writeJobError(error: JobError): string {
  const { violations, violationsOmitted, details, ...rest } = error;
  const stored: StoredJobError = {
    ...rest,
    ...(violations.length > 0 && { violations }),
    ...(violationsOmitted > 0 && { violationsOmitted }),
    ...(details.length > 0 && {
      details: details.map(({ typeUrl, value }) => ({ typeUrl, value: Buffer.from(value).toString("base64") })),
    }),
  };
  return JSON.stringify(stored);
}

/** Parses a job error of a store, also one that older software has written. */
export function readJobError(text: string): JobError {
  const {
    violations = [],
    violationsOmitted = 0,
    retryDelayMs,
    details = [],
    ...rest
  }: StoredJobError = JSON.parse(text);
  return {
    ...rest,
    violations,
    violationsOmitted,
    retryDelayMs,
    details: details.map(({ typeUrl, value }) => ({ typeUrl, value: Buffer.from(value, "base64") })),
  };
}
