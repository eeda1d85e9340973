import type { Any } from "../../../gen/google/protobuf/any.ts";
import { StartLongTaskResponse } from "../../../gen/sealwire/demo/v1/start_long_task.ts";
import { WatchJobRequest, WatchJobResponse } from "../../../gen/sealwire/system/v1/watch_job.ts";
import { WatchJobsRequest, WatchJobsResponse } from "../../../gen/sealwire/system/v1/watch_jobs.ts";
import { type Job, JobState } from "../../../gen/sealwire/v1/job.ts";
import type { Response } from "../../../gen/sealwire/v1/response.ts";
import type { ClientCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { statusOfJob } from "../../../src/tools/job-message.ts";
import { fromTimeMs } from "../../../src/wire/duration.ts";
import { type Received, response, sign } from "./signed-peer.ts";

/** A job as a server describes it. */
export function jobMessage(fields: Partial<Job> = {}): Job {
  return {
    jobId: "job-1",
    tool: "start_long_task",
    requestId: "request-1",
    state: JobState.RUNNING,
    revision: 1n,
    attempt: 1,
    maxAttempts: 3,
    progress: undefined,
    error: undefined,
    cancelRequested: false,
    createTime: { seconds: 1_700_000_000n, nanos: 500_000_000 },
    startTime: undefined,
    endTime: undefined,
    expireTime: undefined,
    traceId: "",
    ...fields,
  };
}

/** What start_long_task returned. */
export const taskOutput: Any = {
  typeUrl: "type.googleapis.com/sealwire.demo.v1.StartLongTaskResponse",
  value: StartLongTaskResponse.encode({ payload: { done: true } }).finish(),
};

/** The Response about a job that `watch_job` and its like give; `fields` override. */
export function jobResponse(
  received: Received,
  job: Job,
  { sequence = 0, type = "WatchJobResponse", output, ...fields }: JobResponseFields = {},
): Response {
  const given = output === undefined && job.state === JobState.SUCCEEDED ? taskOutput : (output ?? undefined);
  return response(received, {
    status: statusOfJob(job),
    sequence: BigInt(sequence),
    result: {
      typeUrl: `type.googleapis.com/sealwire.system.v1.${type}`,
      value: WatchJobResponse.encode({ job, output: given }).finish(),
    },
    ...fields,
  });
}

/** Fields of {@link jobResponse} that have another meaning than in a Response. */
export interface JobResponseFields extends Partial<Omit<Response, "sequence">> {
  readonly sequence?: number;
  readonly type?: "WatchJobResponse" | "PollJobResponse" | "CancelJobResponse";
  /** `null`: none, even if the job has succeeded. */
  readonly output?: Any | null;
}

/** A signed message of a watch. */
export function jobFrame(
  credentials: ClientCredentials,
  received: Received,
  job: Partial<Job>,
  fields: JobResponseFields = {},
): Buffer {
  return sign(credentials, received, jobResponse(received, jobMessage(job), fields));
}

/** What a watch asks for. */
export function watchRequest({ envelope }: Received): WatchJobRequest {
  return WatchJobRequest.decode(envelope.args?.value ?? new Uint8Array());
}

/** A signed message of `watch_jobs`; `resumeMs`: `null` for none. */
export function jobsFrame(
  credentials: ClientCredentials,
  received: Received,
  jobs: readonly Partial<Job>[],
  { sequence = 1, resumeMs = 0, ...fields }: JobsResponseFields = {},
): Buffer {
  const resumeTime = resumeMs === null ? undefined : fromTimeMs(resumeMs);
  const value = WatchJobsResponse.encode({ jobs: jobs.map(jobMessage), resumeTime }).finish();
  const result = { typeUrl: "type.googleapis.com/sealwire.system.v1.WatchJobsResponse", value };
  return sign(credentials, received, response(received, { sequence: BigInt(sequence), result, ...fields }));
}

/** Fields of {@link jobsFrame} that have another meaning than in a Response. */
export interface JobsResponseFields extends Partial<Omit<Response, "sequence">> {
  readonly sequence?: number;
  readonly resumeMs?: number | null;
}

/** What a watch of all jobs asks for. */
export function watchJobsRequest({ envelope }: Received): WatchJobsRequest {
  return WatchJobsRequest.decode(envelope.args?.value ?? new Uint8Array());
}
