import type { Timestamp } from "../../gen/google/protobuf/timestamp.ts";
import { type Job, JobState as JobStateNumber } from "../../gen/sealwire/v1/job.ts";
import { Status } from "../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../errors.ts";
import { JOB_STATES, type JobState, type JobView } from "../jobs/job.ts";
import { fromTimeMs } from "../wire/duration.ts";
import { errorToMessage } from "../wire/error-message.ts";

const STATUS_OF_STATE = new Map<JobStateNumber, Status>([
  [JobStateNumber.QUEUED, Status.ACCEPTED],
  [JobStateNumber.RUNNING, Status.RUNNING],
  [JobStateNumber.SUCCEEDED, Status.DONE],
  [JobStateNumber.FAILED, Status.ERROR],
  [JobStateNumber.CANCELLED, Status.CANCELLED],
]);

/** The status of an answer about a job. */
export function statusOfJob(job: Job): Status {
  return STATUS_OF_STATE.get(job.state) ?? Status.UNSPECIFIED;
}

/** Converts a job to a `sealwire.v1.Job`. */
export function toJobMessage(job: JobView): Job {
  return {
    jobId: job.jobId,
    tool: job.tool,
    requestId: job.requestId,
    state: JobStateNumber[job.state],
    revision: BigInt(job.revision),
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    progress: job.progress && {
      completed: BigInt(job.progress.completed),
      total: BigInt(job.progress.total),
      message: job.progress.message,
    },
    error: job.error && errorToMessage(new SealwireError(job.error.reason, job.error.message, job.error)),
    cancelRequested: job.cancelRequested,
    createTime: fromTimeMs(job.createdAtMs),
    startTime: optionalTime(job.startedAtMs),
    endTime: optionalTime(job.endedAtMs),
    expireTime: optionalTime(job.expiresAtMs),
    traceId: job.traceId ?? "",
  };
}

const STATE_NAMES = new Map<number, JobState>(JOB_STATES.map((name) => [JobStateNumber[name], name]));

/** The name of a `sealwire.v1.JobState` in the field `states` of a request. Throws ARGS_INVALID for another number. */
export function stateNameOf(state: number): JobState {
  const name = STATE_NAMES.get(state);
  if (name !== undefined) return name;
  throw new SealwireError("ARGS_INVALID", `The state ${state} is not a JobState.`, {
    violations: [{ field: "states", ruleId: "enum.defined_only", message: "must be a defined state" }],
  });
}

function optionalTime(timeMs: number | undefined): Timestamp | undefined {
  return timeMs === undefined ? undefined : fromTimeMs(timeMs);
}
