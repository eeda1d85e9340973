import { type FieldViolation, SealwireError } from "../../errors.ts";
import { HandBackError } from "../../jobs/hand-back.ts";
import { Unsettled } from "../../tools/unsettled.ts";
import { LOST_CODE } from "./bounded-fetch.ts";
import type { ClientPackage } from "./packages.ts";

/** The run whose call has failed. */
export interface FailedRun {
  readonly tool: string;
  readonly isJob: boolean;
  /** True if the tool is idempotent or has no side effects. */
  readonly repeatable: boolean;
  /** Why this process has stopped the call; `undefined` if it has not. */
  readonly stopped: SealwireError | undefined;
}

/** What an error of the SDK means for the call. */
export type CallFault =
  /** `unsent`: the tool was not reached. `refused`: the server did not take the request. Neither had an effect. */
  | { readonly kind: "unsent" | "refused" | "lost" | "overdue" | "broken" | "input" }
  /** The server answered with an error of JSON-RPC. */
  | { readonly kind: "error"; readonly code: number; readonly message: string };

/** Delay after which a caller may try again, in milliseconds. */
const RETRY_MS = 1_000;
/** Delay before a job that was not run is claimed again, in milliseconds. */
const HAND_BACK_MS = 500;
const INVALID_PARAMS = -32602;

/** Codes of Node for a request that was never sent, because there was no connection. */
const UNSENT: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
  ...["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ...["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
]);

/** Finds out what an error of the SDK means. An unknown one counts as a lost connection. */
export function faultOf(
  thrown: unknown,
  { ProtocolError, SdkError, SdkErrorCode, SdkHttpError, UnauthorizedError }: ClientPackage,
): CallFault {
  if (thrown instanceof ProtocolError && thrown.code === LOST_CODE) return { kind: "lost" };
  if (thrown instanceof ProtocolError) return { kind: "error", code: thrown.code, message: thrown.message };
  if (thrown instanceof UnauthorizedError) return { kind: "refused" };
  if (thrown instanceof SdkHttpError)
    return { kind: thrown.status < 500 && thrown.status !== 408 ? "refused" : "lost" };
  if (thrown instanceof SdkError) {
    switch (thrown.code) {
      case SdkErrorCode.NotConnected:
      case SdkErrorCode.ClientHttpAuthentication:
        return { kind: "unsent" };
      case SdkErrorCode.RequestTimeout:
        return { kind: "overdue" };
      case SdkErrorCode.InvalidResult:
        return { kind: "broken" };
      case SdkErrorCode.UnsupportedResultType:
      case SdkErrorCode.InputRequiredRoundsExceeded:
      case SdkErrorCode.CapabilityNotSupported:
        return { kind: "input" };
    }
  }
  return { kind: isUnsent(thrown) ? "unsent" : "lost" };
}

function isUnsent(thrown: unknown): boolean {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth += 1) {
    if ("code" in error && typeof error.code === "string" && UNSENT.has(error.code)) return true;
    if (error instanceof AggregateError) return error.errors.every(isUnsent);
  }
  return false;
}

/** The error to throw for a tool that was not called. */
export function notCalled({ tool, isJob }: Pick<FailedRun, "tool" | "isJob">, why: string): Error {
  if (isJob) return new HandBackError(why, { began: false, delayMs: HAND_BACK_MS });
  return new Unsettled(unavailable(tool, why), "none");
}

/** The error to throw for a tool whose definition is not the accepted one. */
export function changed({ tool, isJob }: Pick<FailedRun, "tool" | "isJob">): Error {
  const message = `The MCP server has changed the tool "${tool}", which is withheld until its operator accepts it.`;
  if (isJob) return new HandBackError(message, { began: false, delayMs: HAND_BACK_MS });
  return new Unsettled(new SealwireError("TOOL_CHANGED", message), "none");
}

/**
 * The error to throw for a failed call (docs/mcp.md, Tools of MCP servers). Its texts are fixed, apart from those that the
 * server has chosen for the caller.
 */
export function failureOf(fault: CallFault, run: FailedRun): Error {
  if (run.stopped !== undefined && fault.kind !== "unsent") return open(run, run.stopped);
  switch (fault.kind) {
    case "unsent":
      return notCalled(run, "its MCP server cannot be reached");
    case "refused":
      return refused(run);
    case "lost":
      return open(run, unavailable(run.tool, "the connection to its MCP server was lost"));
    case "overdue":
      return open(run, new SealwireError("DEADLINE_EXCEEDED", `The tool "${run.tool}" did not answer in time.`));
    case "broken":
      return brokenAnswer(run.tool);
    case "input":
      return toolFailed("The tool asks for input while it runs, which no caller of Sealwire can give.");
    case "error":
      return fault.code === INVALID_PARAMS ? argsRefused(fault.message) : failed(run);
  }
}

/** The error for a result with `isError`. `text` is the tool's own. */
export function toolFailed(text: string): SealwireError {
  return new SealwireError("TOOL_FAILED", text === "" ? "The tool failed and gave no reason." : text);
}

/** The error for arguments that do not fit the tool's schema. */
export function argsInvalid(tool: string, violations: readonly FieldViolation[], omitted: number): SealwireError {
  const [first] = violations;
  const count = violations.length + omitted;
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  const text = `The arguments do not fit the schema of "${tool}": ${first?.field}: ${first?.message}${more}.`;
  return new SealwireError("ARGS_INVALID", text, { violations, violationsOmitted: omitted });
}

function argsRefused(message: string): SealwireError {
  return new SealwireError("ARGS_INVALID", `The MCP server refused the arguments: ${message}`);
}

function brokenAnswer(tool: string): SealwireError {
  const message = `The MCP server of the tool "${tool}" sent a result that is none; the log tells more.`;
  return new SealwireError("INTERNAL", message, { retryable: false });
}

/** The outcome is not known. `error` is what the caller receives if the tool may run again. */
function open(run: FailedRun, error: SealwireError): Error {
  if (run.repeatable) return run.isJob ? error : new Unsettled(error, "unknown");
  const unknown = new SealwireError("OUTCOME_UNKNOWN");
  return run.isJob ? (run.stopped ?? unknown) : new Unsettled(unknown, "unknown");
}

/** For example a token that is no longer valid. The same intent may run again. */
function refused(run: FailedRun): Error {
  const error = unavailable(run.tool, "its MCP server refused the request");
  return run.isJob ? error : new Unsettled(error, "none");
}

function failed({ tool, isJob }: FailedRun): SealwireError {
  const message = `The MCP server of the tool "${tool}" answered with an error; the log tells more.`;
  return new SealwireError("INTERNAL", message, { retryable: isJob });
}

function unavailable(tool: string, why: string): SealwireError {
  return new SealwireError("UNAVAILABLE", `The tool "${tool}" is not available: ${why}.`, { retryDelayMs: RETRY_MS });
}
