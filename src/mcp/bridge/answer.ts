import type { CallToolResult } from "@modelcontextprotocol/server";
import { TIME_IS_UP } from "../../client/calls/deadline.ts";
import { leavesOutcomeOpen } from "../../client/calls/retry.ts";
import { type Reason, SealwireError } from "../../errors.ts";

/** Codes of JSON-RPC and MCP. */
export const RpcCode = { invalidParams: -32602, internal: -32603, missingCapability: -32021 } as const;

/** An error of JSON-RPC: what the SDK answers if a handler throws an error with a code. */
export interface RpcFault {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** The answer to a call: a result, which may say that the tool failed, or an error of JSON-RPC. */
export type ToolAnswer =
  | { readonly kind: "result"; readonly result: CallToolResult }
  | { readonly kind: "fault"; readonly fault: RpcFault };

/** An error that the SDK answers as `fault`. */
export function faultError({ code, message, data }: RpcFault): Error {
  return Object.assign(new Error(message), { code, ...(data !== undefined && { data }) });
}

/** A result that says, for a model, why there is no other. */
export function failed(...lines: readonly string[]): ToolAnswer {
  return { kind: "result", result: { isError: true, content: [{ type: "text", text: lines.join("\n") }] } };
}

/** Reasons with which no authentic answer came, so that nobody knows whether the call took effect. */
const NOT_AUTHENTIC: ReadonlySet<Reason> = new Set(["UNREACHABLE", "RESPONSE_UNVERIFIED", "CREDENTIALS_REFUSED"]);

/** True if the call may or may not have taken effect, as far as is known here. */
export function isUncertain(error: SealwireError): boolean {
  return NOT_AUTHENTIC.has(error.reason) || error.cause === TIME_IS_UP || leavesOutcomeOpen(error);
}

/** What hosts learn of an error whose message is for the person that has set up the bridge. */
export const NOT_SET_UP = "The bridge is not set up correctly; its log has the details.";

const REFUSED_LATER = "The connection was lost in an earlier attempt. The call may have taken effect.";

/** The answer to a call that failed. `again`: a sentence about a repetition after an uncertain end. */
export function answerToFailure(error: SealwireError, again: string): ToolAnswer {
  const { reason, message } = error;
  if (leavesOutcomeOpen(error)) return failed(`${reason}: ${message}`, `${REFUSED_LATER} ${again}`);
  if (reason === "INTERNAL") return fault(RpcCode.internal, message);
  if (reason === "TOOL_FORBIDDEN") return fault(RpcCode.invalidParams, message);
  if (reason === "ARGS_INVALID") return badArguments(error);
  // The lines after the first one are of a definition that nobody has accepted.
  if (reason === "TOOL_CHANGED") return notAccepted((message.split("\n", 1)[0] ?? "").replace(/:$/, "."));
  // What a person could do about it, such as to remove a file of pins, is nothing for a model.
  if (reason === "OPTIONS_INVALID") {
    return failed(`${reason}: ${NOT_SET_UP}`, "Nothing was done. A person must look at it; do not try to mend it.");
  }
  if (reason === "RESPONSE_INVALID") {
    return failed(`${reason}: ${message}`, "The call has taken place; do not repeat it to get another answer.");
  }
  if (isUncertain(error)) {
    const seen =
      reason === "DEADLINE_EXCEEDED"
        ? "No answer came in time."
        : "No authentic answer came, and nothing in what came is believed.";
    return failed(`${reason}: ${message}`, `${seen} The call may have taken effect. ${again}`);
  }
  return failed(`${reason}: ${message}`, ...violationLines(error), retryAdvice(error));
}

/** The answer to a call of a tool whose definition is not the accepted one. */
export function notAccepted(problem: string): ToolAnswer {
  return failed(
    `TOOL_CHANGED: ${problem}`,
    "Nothing was done. A person must look at the change, which is in the log, and accept it (`sealwire mcp pins approve`). Do not look for a way around it.",
  );
}

/** The answer to arguments that do not fit: all problems, a line for each. */
export function badArguments(error: Pick<SealwireError, "message" | "violations" | "violationsOmitted">): ToolAnswer {
  const lines = violationLines(error);
  const intro = lines.length > 0 ? "The arguments are not valid:" : error.message;
  return failed(`ARGS_INVALID: ${intro}`, ...lines, "Nothing was done. Correct them and call the tool again.");
}

function violationLines({
  violations,
  violationsOmitted,
}: Pick<SealwireError, "violations" | "violationsOmitted">): string[] {
  const lines = violations.map(({ field, message, ruleId }) => {
    const rule = ruleId === "" ? "" : ` [${ruleId}]`;
    return `${field === "" ? "(arguments)" : field}: ${message}${rule}`;
  });
  return violationsOmitted > 0 ? [...lines, `and ${violationsOmitted} more`] : lines;
}

function retryAdvice({ retryable, retryDelayMs, remedy, reason }: SealwireError): string {
  if (retryDelayMs !== undefined) return `Trying again helps after ${Math.ceil(retryDelayMs / 1000)} s.`;
  if (retryable) return "Trying again later may help.";
  if (reason === "TOOL_FAILED" || reason === "CANCELLED") return "Trying again without a change does not help.";
  return `Trying again without a change does not help. ${remedy}`;
}

function fault(code: number, message: string): ToolAnswer {
  return { kind: "fault", fault: { code, message } };
}

/** Converts any thrown value to the answer of a call. A value that is not a SealwireError is a fault of the bridge. */
export function answerToThrown(thrown: unknown, again: string): ToolAnswer {
  if (thrown instanceof SealwireError) return answerToFailure(thrown, again);
  return fault(RpcCode.internal, "The bridge failed unexpectedly; its log has the details.");
}
