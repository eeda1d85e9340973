import type { JobAttempt } from "../../gen/sealwire/operator/v1/job_attempt.ts";
import type { OperatorJob } from "../../gen/sealwire/operator/v1/operator_job.ts";
import type { AttemptRecord, OperatorJobView } from "../store/operator-view.ts";
import { toAttemptMessage as toOwnersAttempt } from "../tools/attempt-message.ts";
import { toJobMessage } from "../tools/job-message.ts";

/** Converts a job to a `sealwire.operator.v1.OperatorJob`. */
export function toOperatorJob(job: OperatorJobView): OperatorJob {
  return { clientId: job.owner, job: toJobMessage(job), instance: job.instance ?? "" };
}

/** Converts an attempt to a `sealwire.operator.v1.JobAttempt`, which has what the owner sees, and the process. */
export function toAttemptMessage(record: AttemptRecord): JobAttempt {
  const { number: attempt, ...others } = toOwnersAttempt(record);
  return { attempt, instance: record.instance, ...others };
}
