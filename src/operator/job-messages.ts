import type { JobAttempt } from "../../gen/sealwire/operator/v1/job_attempt.ts";
import type { OperatorJob } from "../../gen/sealwire/operator/v1/operator_job.ts";
import type { JobView } from "../jobs/job.ts";
import type { AttemptRecord } from "../store/operator-view.ts";
import { toAttemptMessage as toOwnersAttempt } from "../tools/attempt-message.ts";
import { toJobMessage } from "../tools/job-message.ts";

/** Converts a job to a `sealwire.operator.v1.OperatorJob`. */
export function toOperatorJob(job: JobView): OperatorJob {
  return { clientId: job.owner, job: toJobMessage(job) };
}

/** Converts an attempt to a `sealwire.operator.v1.JobAttempt`, which has what the owner sees, and the process. */
export function toAttemptMessage(record: AttemptRecord): JobAttempt {
  const { number: attempt, ...others } = toOwnersAttempt(record);
  return { attempt, instance: record.instance, ...others };
}
