import { Code } from "../../../gen/google/rpc/code.ts";
import { Error as ErrorMessage } from "../../../gen/sealwire/v1/error.ts";
import { isWireReason, SealwireError, type StatusName } from "../../errors.ts";
import { errorToMessage } from "../../wire/error-message.ts";
import { TYPE_URL_PREFIX } from "../../wire/limits.ts";
import { type GrpcFailure, packStatus, projectError } from "../../wire/status.ts";
import { hasNotBegun } from "../calls/retry.ts";
import { answerMetadata } from "./call-metadata.ts";

/* Native statuses (docs/proxy.md, Statuses). Ordinary stubs repeat a call that ends with UNAVAILABLE, as a new intent. So
   a call that may have had an effect never ends with it. */

/** What is known of a call that has failed. */
export interface FailedCall {
  readonly tool: string;
  /** True if a call that is executed twice does no harm. */
  readonly repeatable: boolean;
  readonly requestId: string;
  /** Set once the job has been accepted. */
  readonly jobId: string | undefined;
}

/** A native status with the error that it tells of. */
export interface NativeFailure extends GrpcFailure {
  readonly error: SealwireError;
}

/** The status of a call that was not sent to the server. */
export function failureBefore(error: SealwireError): NativeFailure {
  return toStatus(error, statusOf(error));
}

/** The status of a tool or a job that has failed, as its verified answer says. */
export function failureOfTool(error: SealwireError, call: FailedCall): NativeFailure {
  const status = statusOf(error);
  return toStatus(error, status === "UNAVAILABLE" && !call.repeatable ? "ABORTED" : status, call);
}

/** The status of a call that was sent, or of a job that was watched, without a verified outcome. */
export function failureOfCall(error: SealwireError, call: FailedCall): NativeFailure {
  const final = isOpen(error, call) ? outcomeUnknown(error, call) : error;
  return toStatus(final, statusOf(final), call);
}

/** Errors that say for certain what has become of the call, or have a status of their own. */
const CERTAIN: ReadonlySet<string> = new Set([
  "RESPONSE_UNVERIFIED",
  "RESPONSE_INVALID",
  "OUTCOME_UNKNOWN",
  "JOB_NOT_FOUND",
]);

/** True if the call may have had an effect, or its job goes on. */
function isOpen(error: SealwireError, { repeatable, jobId }: FailedCall): boolean {
  if (repeatable || CERTAIN.has(error.reason)) return false;
  return jobId !== undefined || !hasNotBegun(error);
}

function outcomeUnknown(cause: SealwireError, { requestId, jobId }: FailedCall): SealwireError {
  const what = jobId === undefined ? "The call may have taken effect" : `Job ${jobId} goes on`;
  const toDo = `to get the outcome, repeat the call with the metadata sealwire-request-id: ${requestId}`;
  return new SealwireError("OUTCOME_UNKNOWN", `${what}; ${toDo}. (${cause.message})`, { cause });
}

function statusOf({ reason, status }: SealwireError): StatusName {
  if (reason === "RESPONSE_UNVERIFIED") return "DATA_LOSS";
  return reason === "OUTCOME_UNKNOWN" ? "UNKNOWN" : status;
}

/**
 * The details end with the error itself, which is the first to be omitted. A local reason has none. The ids of the call
 * are in the ErrorInfo, and in the trailers.
 */
function toStatus(error: SealwireError, status: StatusName, call?: FailedCall): NativeFailure {
  const message = errorToMessage(error);
  const own = { typeUrl: `${TYPE_URL_PREFIX}sealwire.v1.Error`, value: ErrorMessage.encode(message).finish() };
  const failure = packStatus(Code[status], error.message, [
    ...projectError(message, { reason: error.reason, metadata: call === undefined ? {} : summaryOf(call) }),
    ...(isWireReason(error.reason) ? [own] : []),
  ]);
  if (call !== undefined) failure.metadata.merge(answerMetadata(call.requestId, call.jobId));
  return { ...failure, error };
}

function summaryOf({ tool, requestId, jobId }: FailedCall): Record<string, string> {
  return { tool, request_id: requestId, ...(jobId !== undefined && { job_id: jobId }) };
}
