import { AttemptOutcome, type JobAttempt } from "../../gen/sealwire/v1/job_attempt.ts";
import { SealwireError } from "../errors.ts";
import type { AttemptRecord } from "../jobs/attempt-record.ts";
import { fromTimeMs } from "../wire/duration.ts";
import { errorToMessage } from "../wire/error-message.ts";

/**
 * Converts an attempt to a `sealwire.v1.JobAttempt`, without the process that ran it: owners need not know how many
 * processes there are.
 */
export function toAttemptMessage(record: Omit<AttemptRecord, "instance">): JobAttempt {
  const { attempt: number, startedAtMs, endedAtMs, outcome, error } = record;
  return {
    number,
    startTime: fromTimeMs(startedAtMs),
    endTime: endedAtMs === undefined ? undefined : fromTimeMs(endedAtMs),
    outcome: AttemptOutcome[outcome ?? "UNSPECIFIED"],
    error: error && errorToMessage(new SealwireError(error.reason, error.message)),
  };
}
