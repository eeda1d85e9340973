import { isWireReason, SealwireError, type WireReason } from "../errors.ts";
import { cutText } from "../wire/error-message.ts";
import type { JobError } from "./job.ts";

const MAX_MESSAGE_LENGTH = 2048;

/** What a job records of a thrown value. Anything but a SealwireError that may travel becomes INTERNAL with a fixed text. */
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

/** The job error of a reason, with the text that its table gives. */
export function jobErrorOf(reason: WireReason): JobError {
  return toJobError(new SealwireError(reason));
}
