import { isWireReason, SealwireError, type WireReason } from "../errors.ts";
import { cutText } from "../wire/error-message.ts";
import type { JobError } from "./job.ts";

const MAX_MESSAGE_LENGTH = 2048;

/**
 * The error that a job records for a thrown value. A value that is not a SealwireError with a wire reason becomes
 * INTERNAL with a fixed text.
 */
export function toJobError(thrown: unknown): JobError {
  const error = SealwireError.from(thrown);
  const { reason } = error;
  if (!isWireReason(reason)) return toJobError(new Error("local reason", { cause: error }));
  return {
    reason,
    status: error.status,
    message: cutText(error.message, MAX_MESSAGE_LENGTH),
    retryable: error.retryable,
  };
}

/** The job error of a reason, with the text of its table entry. */
export function jobErrorOf(reason: WireReason): JobError {
  return toJobError(new SealwireError(reason));
}
