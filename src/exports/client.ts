/** `sealwire/client`: calls tools and watches jobs. Loads no code of the server, the stores or the command line. */
import "../runtime/check-node.ts";

export type { ListToolsResponse, ToolDescription } from "../../gen/sealwire/system/v1/list_tools.ts";
export type { Capabilities, ServerIdentityResponse } from "../../gen/sealwire/system/v1/server_identity.ts";
export type { CallArguments } from "../client/calls/arguments.ts";
export type { CallOptions } from "../client/calls/call-options.ts";
export type { CallResult, CallStatus } from "../client/calls/call-result.ts";
export type { EncodedMessage } from "../client/calls/signer.ts";
export type { ToolOutput } from "../client/calls/tool-output.ts";
export type {
  CallableMethod,
  CallableService,
  IsJob,
  JobTool,
  PartialInput,
  Partially,
  RequestCodec,
  SyncTool,
  TypedTools,
} from "../client/calls/typed-tools.ts";
export { SealwireClient } from "../client/client.ts";
export type { OperationOptions } from "../client/connection.ts";
export {
  type CredentialsSource,
  type FileCredentialsOptions,
  fileCredentials,
} from "../client/credentials-source.ts";
export type { JobHandle, PollOptions } from "../client/jobs/job-handle.ts";
export type { JobAttempt, JobSnapshot } from "../client/jobs/job-snapshot.ts";
export type { JobPage, ListJobsOptions } from "../client/jobs/list-jobs.ts";
export type { WatchOptions } from "../client/jobs/watch.ts";
export type { WatchJobsOptions } from "../client/jobs/watch-jobs.ts";
export type { StubClass } from "../client/native/stub.ts";
export type { ClientOptions, ClientTls, RetryOptions } from "../client/options.ts";
export type { PinnedTool } from "../client/pins/pin-document.ts";
export { type FilePinsOptions, filePins, type PinFile } from "../client/pins/pin-file.ts";
export { shownTool } from "../client/pins/pinned-tools.ts";
export type { PinVerdict, ShownTool, ToolPins } from "../client/pins/tool-pins.ts";
export type { ServingStatus } from "../client/transport/health.ts";
export {
  type ErrorDetail,
  type FieldViolation,
  type Reason,
  SealwireError,
  type SealwireErrorOptions,
  type StatusName,
  type WireReason,
} from "../errors.ts";
export type { AttemptRecord, RecordedOutcome } from "../jobs/attempt-record.ts";
export type { JobError, JobPolicy, JobProgress, JobState, JobView } from "../jobs/job.ts";
export type { Clock } from "../runtime/clock.ts";
export type { Logger } from "../runtime/logger.ts";
export type { Random } from "../runtime/random.ts";
export { type ClientCredentials, parseCredentials, readCredentials } from "../signing/key-ring/credentials.ts";
export type { MessageCodec, MethodDefinition, Output, ServiceDefinition } from "../tools/implement.ts";
export type { Image } from "../wire/descriptors.ts";
