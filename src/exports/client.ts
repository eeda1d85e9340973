/**
 * `sealwire/client`: calls tools, and follows jobs. Loads nothing of the server, of stores or of the command line.
 */
import "../runtime/check-node.ts";

export type { CallResult } from "../client/calls/call-result.ts";
export type { ToolOutput } from "../client/calls/tool-output.ts";
export type { TypedTools } from "../client/calls/typed-tools.ts";
export { type JobPage, type ListJobsOptions, SealwireClient } from "../client/client.ts";
export type { JobHandle, PollOptions } from "../client/jobs/job-handle.ts";
export type { JobSnapshot } from "../client/jobs/job-snapshot.ts";
export type { WatchJobsOptions } from "../client/jobs/watch-jobs.ts";
export type { ClientOptions } from "../client/options.ts";
export { type Reason, SealwireError, type SealwireErrorOptions } from "../errors.ts";
export type { Logger } from "../runtime/logger.ts";
export { type ClientCredentials, parseCredentials, readCredentials } from "../signing/key-ring/credentials.ts";
