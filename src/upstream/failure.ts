import { type Metadata, status } from "@grpc/grpc-js";
import { RetryInfo } from "../../gen/google/rpc/error_details.ts";
import { Status } from "../../gen/google/rpc/status.ts";
import { type ErrorDetail, SealwireError } from "../errors.ts";
import { HandBackError } from "../jobs/hand-back.ts";
import { Unsettled } from "../tools/unsettled.ts";
import { toDurationMs } from "../wire/duration.ts";
import { statusName } from "../wire/error-message.ts";
import { TYPE_URL_PREFIX } from "../wire/limits.ts";
import type { UpstreamStatus } from "./channel.ts";

/** The run whose call has failed. */
export interface FailedRun {
  readonly tool: string;
  readonly isJob: boolean;
  /** True if the tool is idempotent or has no side effects. */
  readonly repeatable: boolean;
  readonly deduplicates: boolean;
  /** Why this process has cancelled the call; `undefined` if it has not. */
  readonly stopped: SealwireError | undefined;
  /** True if the time that the run had is over. */
  readonly isOverdue: boolean;
  /** True if the upstream had said before that it does not serve. */
  readonly isLeaving: boolean;
}

/** Delay after which a caller may try again, in milliseconds. */
const RETRY_MS = 1_000;
/** Delay before a job that was not run is claimed again, in milliseconds. */
const HAND_BACK_MS = 500;

/** Statuses by which a tool reports a failure of its own. */
const FINAL: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
]);
/** Statuses by which a tool reports that it has done nothing and may be tried again. */
const TRY_AGAIN: ReadonlySet<number> = new Set([status.RESOURCE_EXHAUSTED, status.ABORTED]);
/** Statuses by which a call ends with its time. Some servers, tonic's among them, cancel the call at its deadline. */
const OF_DEADLINE: ReadonlySet<number> = new Set([status.DEADLINE_EXCEEDED, status.CANCELLED]);
/** Stack traces of the upstream do not leave this process. */
const DEBUG_INFO = `${TYPE_URL_PREFIX}google.rpc.DebugInfo`;
const RETRY_INFO = `${TYPE_URL_PREFIX}google.rpc.RetryInfo`;

/** The error to throw for a tool whose upstream cannot be called: it is down, or has as many calls as it may have. */
export function notCalled({ tool, isJob }: Pick<FailedRun, "tool" | "isJob">, why: string): Error {
  if (isJob) return new HandBackError(why, { began: false, delayMs: HAND_BACK_MS });
  return new Unsettled(unavailable(tool, why), "none");
}

/**
 * The error to throw for a failed call (docs/upstreams.md, Failures). Its texts are fixed, apart from those that the
 * tool's own code has chosen, because others contain addresses and stack traces.
 */
export function failureOf(ended: UpstreamStatus, run: FailedRun): Error {
  const { code, by } = ended;
  if (by === "unsent") return notCalled(run, "its server cannot be reached");
  if (run.stopped !== undefined) return open(run, run.stopped);
  if (by === "size") return tooLarge(run.tool);
  if (by === "count") return brokenContract(run.tool);
  if (run.isOverdue && OF_DEADLINE.has(code)) return open(run, overdue(run));
  if (by === "loss" || code === status.UNAVAILABLE) return lost(ended, run);
  if (FINAL.has(code)) return ofTool(ended, false);
  if (TRY_AGAIN.has(code)) return again(run, ofTool(ended, true));
  if (code === status.UNAUTHENTICATED || code === status.UNIMPLEMENTED) return again(run, failed(run));
  return open(run, failed(run));
}

/** The error for an answer that does not fit the contract. Another run would give the same. */
export function brokenContract(tool: string): SealwireError {
  const message = `The server of the tool "${tool}" broke its contract; the log tells more.`;
  return new SealwireError("INTERNAL", message, { retryable: false });
}

/** The error for an answer, or a stream of answers, that is too large. */
export function tooLarge(tool: string, what = "The answer"): SealwireError {
  const message = `${what} of the tool "${tool}" is too large; return a reference to the data instead.`;
  return new SealwireError("RESULT_TOO_LARGE", message);
}

/** The connection was lost, or the upstream says that it is not available, maybe in the middle of its work. */
function lost({ by }: UpstreamStatus, run: FailedRun): Error {
  const text = "the connection to its server was lost";
  if (!run.isJob) return open(run, unavailable(run.tool, text));
  const isDrain = by === "upstream" || run.isLeaving;
  return isDrain
    ? new HandBackError("its server is shutting down", { began: true, delayMs: HAND_BACK_MS })
    : unavailable(run.tool, text);
}

/** The outcome is not known. `error` is what the caller receives if the tool may run again. */
function open(run: FailedRun, error: SealwireError): Error {
  if (run.isJob) return error;
  if (run.repeatable || run.deduplicates) return new Unsettled(error, "unknown");
  return new Unsettled(new SealwireError("OUTCOME_UNKNOWN"), "unknown");
}

/** The tool has done nothing, so that the same intent may run again. */
function again(run: FailedRun, error: SealwireError): Error {
  return run.isJob ? error : new Unsettled(error, "none");
}

function unavailable(tool: string, why: string): SealwireError {
  return new SealwireError("UNAVAILABLE", `The tool "${tool}" is not available: ${why}.`, { retryDelayMs: RETRY_MS });
}

function overdue({ tool }: FailedRun): SealwireError {
  return new SealwireError("DEADLINE_EXCEEDED", `The tool "${tool}" did not answer in the time that it had.`);
}

/** For a job another attempt may follow. */
function failed({ tool, isJob }: FailedRun): SealwireError {
  return new SealwireError("INTERNAL", `The tool "${tool}" failed unexpectedly; the log of the server tells more.`, {
    retryable: isJob,
  });
}

function ofTool({ code, details, metadata }: UpstreamStatus, retryable: boolean): SealwireError {
  const { details: given, retryDelayMs } = readDetails(metadata);
  const delay = retryDelayMs ?? (retryable ? RETRY_MS : undefined);
  return new SealwireError("TOOL_FAILED", details === "" ? "The tool gave no reason." : details, {
    status: statusName(code),
    retryable,
    details: given,
    ...(delay !== undefined && { retryDelayMs: delay }),
  });
}

interface GivenDetails {
  readonly details: readonly ErrorDetail[];
  readonly retryDelayMs?: number;
}

/** The details of a status as its tool has set them. Invalid ones count as none. */
function readDetails(metadata: Metadata): GivenDetails {
  const [value] = metadata.get("grpc-status-details-bin");
  if (!(value instanceof Buffer)) return { details: [] };
  try {
    const all = Status.decode(value).details;
    const retry = all.find(({ typeUrl }) => typeUrl === RETRY_INFO);
    const delay = retry && RetryInfo.decode(retry.value).retryDelay;
    return {
      details: all.filter(({ typeUrl }) => typeUrl !== DEBUG_INFO && typeUrl !== RETRY_INFO),
      ...(delay !== undefined && { retryDelayMs: Math.max(0, toDurationMs(delay)) }),
    };
  } catch {
    return { details: [] };
  }
}
