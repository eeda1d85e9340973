import { Any } from "../../gen/google/protobuf/any.ts";
import { Code } from "../../gen/google/rpc/code.ts";
import { Error as ErrorMessage, ErrorReason } from "../../gen/sealwire/v1/error.ts";
import { type ErrorDetail, isWireReason, SealwireError, type StatusName } from "../errors.ts";
import { fromDurationMs, toDurationMs } from "./duration.ts";
import { MAX_ERROR_DETAILS_BYTES, MAX_VIOLATIONS } from "./limits.ts";

/** Upper bound of the int32 count, with room for additions. */
const MAX_OMITTED = 1_000_000_000;
/** One year. */
const MAX_RETRY_DELAY_MS = 31_536_000_000;
/** Leaves room in MAX_STATUS_DETAILS_BYTES for the Response around it and for the projections. */
const MAX_ERROR_BYTES = 3 * 1024;
const MAX_MESSAGE_LENGTH = 512;
const MAX_VIOLATION_TEXT_LENGTH = 256;
/** A full message name after a slash, without characters that no protobuf name or URL has. */
const TYPE_URL = /^[\x21-\x7e]*\/[A-Za-z_][\w.]*$/;

/**
 * Converts an error to the `sealwire.v1.Error` of a Response, at most 3 KiB. Long texts are truncated. Details that do
 * not fit are left out; then violations are, which `violationsOmitted` counts. A local reason becomes INTERNAL.
 */
export function errorToMessage(error: SealwireError): ErrorMessage {
  const message: ErrorMessage = {
    code: Code[error.status],
    reason: isWireReason(error.reason) ? ErrorReason[error.reason] : ErrorReason.INTERNAL,
    message: cutText(error.message, MAX_MESSAGE_LENGTH),
    retryable: error.retryable,
    violations: error.violations.slice(0, MAX_VIOLATIONS).map((violation) => ({
      field: cutText(violation.field, MAX_VIOLATION_TEXT_LENGTH),
      ruleId: cutText(violation.ruleId, MAX_VIOLATION_TEXT_LENGTH),
      message: cutText(violation.message, MAX_VIOLATION_TEXT_LENGTH),
    })),
    violationsOmitted: toCount(error.violationsOmitted) + Math.max(0, error.violations.length - MAX_VIOLATIONS),
    retryDelay: toRetryDelay(error.retryDelayMs),
    details: toDetails(error.details),
  };
  while (message.details.length > 0 && isTooLarge(message)) message.details.pop();
  while (message.violations.length > 0 && isTooLarge(message)) {
    message.violations.pop();
    message.violationsOmitted += 1;
  }
  return message;
}

function isTooLarge(message: ErrorMessage): boolean {
  return ErrorMessage.encode(message).finish().length > MAX_ERROR_BYTES;
}

/**
 * Converts the `sealwire.v1.Error` of a verified Response. An unknown reason becomes INTERNAL, an unknown code UNKNOWN.
 */
export function errorFromMessage(message: ErrorMessage): SealwireError {
  const reason = REASON_NAMES.get(message.reason) ?? "INTERNAL";
  return new SealwireError(isWireReason(reason) ? reason : "INTERNAL", message.message, {
    status: statusName(message.code),
    retryable: message.retryable,
    violations: message.violations.map(({ field, ruleId, message: text }) => ({ field, ruleId, message: text })),
    violationsOmitted: message.violationsOmitted,
    ...(message.retryDelay === undefined ? {} : { retryDelayMs: Math.max(0, toDurationMs(message.retryDelay)) }),
    details: message.details.map(({ typeUrl, value }) => ({ typeUrl, value })),
  });
}

/** The name of a gRPC status code; UNKNOWN for OK and for other numbers. */
export function statusName(code: number): StatusName {
  return STATUS_NAMES.get(code) ?? "UNKNOWN";
}

/** Truncates a text to `maxLength` UTF-16 units and replaces lone surrogates, so that every peer can encode it. */
export function cutText(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
  // PostgreSQL text cannot contain U+0000.
  return cut.toWellFormed().replaceAll("\u0000", "\uFFFD");
}

/** Quotes an id of another party for a message, with at most 128 UTF-16 units. */
export function quoteId(id: string): string {
  return JSON.stringify(cutText(id, MAX_ID_LENGTH));
}

const MAX_ID_LENGTH = 128;
const REASON_NAMES = new Map<number, string>(Object.entries(ErrorReason).map(([name, number]) => [number, name]));
const STATUS_NAMES = new Map<number, StatusName>(
  Object.entries(Code)
    .filter(([name]) => name !== "OK" && name !== "UNRECOGNIZED")
    .map(([name, number]) => [number, name as StatusName]),
);

/** Handlers raise errors with any values. An invalid count must not prevent the answer. */
function toCount(value: number): number {
  return Number.isSafeInteger(value) && value > 0 ? Math.min(value, MAX_OMITTED) : 0;
}

function toRetryDelay(delayMs: number | undefined): ErrorMessage["retryDelay"] {
  if (delayMs === undefined || !(delayMs >= 0)) return undefined;
  return fromDurationMs(Math.min(delayMs, MAX_RETRY_DELAY_MS));
}

/** The first details that fit. A handler may give any value, and an error of another version has no details. */
function toDetails(given: unknown): Any[] {
  const details: Any[] = [];
  let bytes = 0;
  for (const { typeUrl, value } of Array.isArray(given) ? given.filter(isDetail) : []) {
    bytes += Any.encode({ typeUrl, value }).finish().length;
    if (bytes > MAX_ERROR_DETAILS_BYTES) break;
    details.push({ typeUrl, value });
  }
  return details;
}

function isDetail(given: unknown): given is ErrorDetail {
  if (typeof given !== "object" || given === null || !("typeUrl" in given) || !("value" in given)) return false;
  const { typeUrl, value } = given;
  return typeof typeUrl === "string" && TYPE_URL.test(typeUrl) && value instanceof Uint8Array;
}
