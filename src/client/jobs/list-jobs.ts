import type { Any } from "../../../gen/google/protobuf/any.ts";
import { ListJobsRequest, ListJobsResponse } from "../../../gen/sealwire/system/v1/list_jobs.ts";
import type { JobState } from "../../jobs/job.ts";
import { checkNumber } from "../../runtime/number-range.ts";
import { decodeAs } from "../calls/tool-output.ts";
import type { OperationOptions } from "../connection.ts";
import { type JobSnapshot, readJob, stateNumber } from "./job-snapshot.ts";

/** Options of `SealwireClient.listJobs`. */
export interface ListJobsOptions extends OperationOptions {
  /** Default: all. */
  readonly states?: readonly JobState[];
  /** Default: all. */
  readonly tool?: string;
  /** 1 to 500, default 50. */
  readonly pageSize?: number;
  /** The `nextPageToken` of the previous page. */
  readonly pageToken?: string;
}

/** One page of jobs, newest first. */
export interface JobPage {
  readonly jobs: readonly JobSnapshot[];
  /** Set if there is a next page. */
  readonly nextPageToken: string | undefined;
}

/** The encoded request of `list_jobs`. Throws OPTIONS_INVALID. */
export function encodeListing({ states = [], tool = "", pageSize = 0, pageToken = "" }: ListJobsOptions): Uint8Array {
  checkNumber("pageSize", pageSize, { least: 0, most: 500 });
  return ListJobsRequest.encode({ states: states.map(stateNumber), tool, pageSize, pageToken }).finish();
}

/** Reads the output of `list_jobs`. Throws RESPONSE_INVALID. */
export function readJobPage(output: Any): JobPage {
  const { jobs, nextPageToken } = decodeAs(output, "sealwire.system.v1.ListJobsResponse", ListJobsResponse.decode);
  return { jobs: jobs.map(readJob), nextPageToken: nextPageToken === "" ? undefined : nextPageToken };
}
