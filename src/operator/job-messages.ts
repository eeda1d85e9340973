import { type JobAttempt, AttemptOutcome as OutcomeNumber } from "../../gen/sealwire/operator/v1/job_attempt.ts";
import type { OperatorJob } from "../../gen/sealwire/operator/v1/operator_job.ts";
import { SealwireError } from "../errors.ts";
import type { JobView } from "../jobs/job.ts";
import type { AttemptRecord } from "../store/operator-view.ts";
import { toJobMessage } from "../tools/job-message.ts";
import { fromTimeMs } from "../wire/duration.ts";
import { errorToMessage } from "../wire/error-message.ts";

/** Converts a job to a `sealwire.operator.v1.OperatorJob`. */
export function toOperatorJob(job: JobView): OperatorJob {
  return { clientId: job.owner, job: toJobMessage(job) };
}

/** Converts an attempt to a `sealwire.operator.v1.JobAttempt`. */
export function toAttemptMessage(record: AttemptRecord): JobAttempt {
  const { attempt, instance, startedAtMs, endedAtMs, outcome, error } = record;
  return {
    attempt,
    instance,
    startTime: fromTimeMs(startedAtMs),
    endTime: endedAtMs === undefined ? undefined : fromTimeMs(endedAtMs),
    outcome: OutcomeNumber[outcome ?? "UNSPECIFIED"],
    error: error && errorToMessage(new SealwireError(error.reason, error.message)),
  };
}
