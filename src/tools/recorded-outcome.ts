import { Response } from "../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../errors.ts";
import { encodeMessage } from "../wire/encode.ts";
import { errorFromMessage } from "../wire/error-message.ts";
import { MAX_OUTCOME_BYTES } from "../wire/limits.ts";
import { type Answer, failure, toResponse } from "./answer.ts";
import type { Tool } from "./tool.ts";

/** The error for a tool whose result is too large. */
export function tooLarge(tool: Tool, actual: number, limit: number): SealwireError {
  return new SealwireError(
    "RESULT_TOO_LARGE",
    `The result of "${tool.name}" has ${actual} bytes, more than the maximum of ${limit}; return a reference to the data instead.`,
  );
}

/** Serializes the outcome to be recorded: the answer without the fields of one attempt. */
export function writeOutcome(tool: Tool, answer: Answer): Uint8Array {
  const blank = { requestId: "", serverId: "", nowMs: 0, sequence: 0 };
  const outcome = encodeMessage(Response, toResponse(answer, blank));
  if (outcome.length <= MAX_OUTCOME_BYTES) return outcome;
  return encodeMessage(Response, toResponse(failure(tooLarge(tool, outcome.length, MAX_OUTCOME_BYTES)), blank));
}

/** Parses an answer that {@link writeOutcome} has serialized. */
export function readOutcome(bytes: Uint8Array): Answer {
  const { status, result, error } = Response.decode(bytes);
  return { status, ...(result && { result }), ...(error && { error: errorFromMessage(error) }) };
}
