import { status as GrpcStatus, Metadata } from "@grpc/grpc-js";
import type { Any } from "../../gen/google/protobuf/any.ts";
import { BadRequest, ErrorInfo, RetryInfo } from "../../gen/google/rpc/error_details.ts";
import { Status } from "../../gen/google/rpc/status.ts";
import type { Error as ErrorMessage } from "../../gen/sealwire/v1/error.ts";
import { isWireReason, type SealwireError } from "../errors.ts";
import { cutText, errorToMessage } from "./error-message.ts";
import { MAX_STATUS_DETAILS_BYTES, TYPE_URL_PREFIX } from "./limits.ts";
import { typeNameOf } from "./type-name.ts";

/** Domain of every google.rpc.ErrorInfo that Sealwire sends. */
export const ERROR_DOMAIN = "sealwire";

const DETAILS_KEY = "grpc-status-details-bin";
const MAX_STATUS_TEXT_LENGTH = 256;
const FRAME_TYPES: ReadonlySet<string> = new Set(["sealwire.v1.CallResponse", "sealwire.v1.WatchJobResponse"]);
/** Types that clients read. A detail of a tool must not be taken for the server's own. */
const READ_TYPES: ReadonlySet<string> = new Set([...FRAME_TYPES, "google.rpc.ErrorInfo"]);

/** A gRPC status as grpc-js sends it. */
export interface GrpcFailure {
  readonly code: GrpcStatus;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * A status that a client of grpc-js reports, with what it leaves out: of an answer that it cannot decompress it reports
 * neither code nor text.
 */
export function receivedStatus({
  code = GrpcStatus.INTERNAL,
  details = "the answer is compressed in a way that it does not state",
  metadata = new Metadata(),
}: Partial<GrpcFailure>): GrpcFailure {
  return { code, details, metadata };
}

/** The content of a received google.rpc.Status. Nothing of it is verified. */
export interface UnverifiedStatus {
  readonly code: number;
  readonly message: string;
  /** The reason of the ErrorInfo in the domain "sealwire". */
  readonly reason: string | undefined;
  /** The serialized CallResponse or WatchJobResponse, if the status contains one. */
  readonly frame: Uint8Array | undefined;
}

/**
 * Converts an error to a gRPC status with google.rpc.Status details (docs/protocol.md, Errors), at most 4 KiB. `frame`
 * is the signed frame to include. If the details are too large, the projections are omitted, not the frame. The details
 * of the error itself come last.
 */
export function toGrpcFailure(
  error: SealwireError,
  frame?: { readonly type: string; readonly bytes: Uint8Array },
): GrpcFailure {
  const message = errorToMessage(error);
  const signed = frame === undefined ? [] : [{ typeUrl: TYPE_URL_PREFIX + frame.type, value: frame.bytes }];
  const reason = isWireReason(error.reason) ? error.reason : "INTERNAL";
  return packStatus(message.code, error.message, [...signed, ...projectError(message, { reason })]);
}

/** A gRPC status with the details that fit into 4 KiB; the first ones are preferred. */
export function packStatus(code: number, text: string, details: readonly Any[]): GrpcFailure {
  const status: Status = { code, message: cutText(text, MAX_STATUS_TEXT_LENGTH), details: [] };
  for (const detail of details) {
    status.details.push(detail);
    if (Status.encode(status).finish().length > MAX_STATUS_DETAILS_BYTES) status.details.pop();
  }
  const metadata = new Metadata();
  metadata.set(DETAILS_KEY, Buffer.from(Status.encode(status).finish()));
  return { code: code as GrpcStatus, details: status.message, metadata };
}

/** The content of the ErrorInfo of an error. */
export interface ErrorSummary {
  readonly reason: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The standard details of an error: ErrorInfo, and RetryInfo and BadRequest if it has a delay and violations. Then the
 * details of the error itself.
 */
export function projectError(error: ErrorMessage, { reason, metadata = {} }: ErrorSummary): Any[] {
  const details = [
    packed("google.rpc.ErrorInfo", ErrorInfo.encode({ reason, domain: ERROR_DOMAIN, metadata: { ...metadata } })),
  ];
  if (error.retryDelay !== undefined) {
    details.push(packed("google.rpc.RetryInfo", RetryInfo.encode({ retryDelay: error.retryDelay })));
  }
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.map(({ field, ruleId, message: description }) => ({
      field,
      description,
      reason: ruleId,
      localizedMessage: undefined,
    }));
    details.push(packed("google.rpc.BadRequest", BadRequest.encode({ fieldViolations })));
  }
  return [...details, ...error.details.filter(({ typeUrl }) => !READ_TYPES.has(typeNameOf(typeUrl)))];
}

function packed(type: string, encoded: { finish(): Uint8Array }): Any {
  return { typeUrl: TYPE_URL_PREFIX + type, value: encoded.finish() };
}

/** Reads the details of a received gRPC status. Never throws; `undefined` if they are absent or invalid. */
export function readStatusDetails(metadata: Metadata): UnverifiedStatus | undefined {
  const [value] = metadata.get(DETAILS_KEY);
  if (!(value instanceof Buffer)) return undefined;
  try {
    const { code, message, details } = Status.decode(value);
    const find = (accept: (type: string) => boolean): Uint8Array | undefined =>
      details.find(
        ({ typeUrl }) => typeUrl.startsWith(TYPE_URL_PREFIX) && accept(typeUrl.slice(TYPE_URL_PREFIX.length)),
      )?.value;
    const info = find((type) => type === "google.rpc.ErrorInfo");
    const { reason, domain } = info === undefined ? { reason: undefined, domain: "" } : ErrorInfo.decode(info);
    return {
      code,
      message,
      reason: domain === ERROR_DOMAIN ? reason : undefined,
      frame: find((type) => FRAME_TYPES.has(type)),
    };
  } catch {
    return undefined;
  }
}
