import { status as grpcStatus } from "@grpc/grpc-js";
import { ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import { Status } from "../../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../errors.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { type VerifiedResponse, verifyResponseFrame } from "../../signing/response/verify.ts";
import { cutText, errorFromMessage, statusName } from "../../wire/error-message.ts";
import { readStatusDetails } from "../../wire/status.ts";
import type { RawStatus } from "../transport/transport.ts";

/** The outcome of one attempt. Only `answer` and `refusal` have a valid signature. */
export type Outcome =
  /** A verified answer, which may report that the tool failed. */
  | { readonly kind: "answer"; readonly response: VerifiedResponse }
  /** A gRPC error with a signed frame that reports the same error. */
  | { readonly kind: "refusal"; readonly response: VerifiedResponse; readonly error: SealwireError }
  /**
   * No verified answer. `forged`: the peer sent a frame, but it is invalid or contradicts the status. `unsent`: the
   * server has not started the call; certainly, unless `told`: the peer says so, unsigned. `away`: no connection could be
   * established, for a temporary reason.
   */
  | {
      readonly kind: "unverified";
      readonly error: SealwireError;
      readonly forged: boolean;
      readonly unsent?: boolean;
      readonly told?: boolean;
      readonly away?: boolean;
    };

/** The outcome of an attempt without an answer. */
export type Failure = Exclude<Outcome, { kind: "answer" }>;

/** The expected values of an answer to an attempt. */
export interface Expectation {
  readonly credentials: ClientCredentials;
  readonly requestSignature: Uint8Array;
  readonly requestId: string;
  /** 0 for a unary answer, otherwise the number of the message on its stream. */
  readonly sequence: number;
}

/** Reads a message of a watch. */
export function readMessage(message: Uint8Array | undefined, expected: Expectation): Outcome {
  if (message === undefined) return untrusted("The peer says OK but sent no answer.");
  try {
    return { kind: "answer", response: verify(message, expected) };
  } catch (error) {
    return { kind: "unverified", forged: true, error: SealwireError.from(error) };
  }
}

/**
 * Reads the answer to a call, from a call stream or received with gRPC OK. On a stream refusals have no gRPC status, and
 * the status is not signed: the reason tells.
 */
export function readAnswer(message: Uint8Array | undefined, expected: Expectation): Outcome {
  const outcome = readMessage(message, expected);
  if (outcome.kind !== "answer") return outcome;
  const { response } = outcome;
  const { error } = response;
  if (error === undefined || !isRefusal(response)) return outcome;
  return { kind: "refusal", response, error: errorFromMessage(error) };
}

/** Reasons that only a tool that ran can report. With all others, a retry executes nothing twice. */
const FROM_TOOLS: ReadonlySet<number> = new Set([
  ErrorReason.TOOL_FAILED,
  ErrorReason.RESULT_TOO_LARGE,
  ErrorReason.INTERNAL,
]);

function isRefusal({ status: outcome, result, error }: VerifiedResponse): boolean {
  return outcome === Status.ERROR && result === undefined && error !== undefined && !FROM_TOOLS.has(error.reason);
}

/** Reads a status other than OK, as {@link readEnd} does. The failure of a tool is an answer in this way, too. */
export function readFailure(status: RawStatus, expected: Expectation): Outcome {
  const failure = readEnd(status, expected);
  if (failure.kind !== "refusal" || isRefusal(failure.response)) return failure;
  return { kind: "answer", response: failure.response };
}

/**
 * Reads a status other than OK from the signed frame in its details, with which the status must agree. At the end of a watch
 * it is never an answer.
 */
export function readEnd(status: RawStatus, expected: Expectation): Failure {
  const details = readStatusDetails(status.metadata);
  if (details?.frame === undefined) return readUnsigned(status, expected.requestId);
  const outcome = readMessage(details.frame, expected);
  if (outcome.kind !== "answer") return outcome;
  const { response } = outcome;
  if (response.ok || response.error === undefined) {
    return untrusted(`The peer says ${statusName(status.code)} but the signed answer reports no error.`);
  }
  const { code, reason } = response.error;
  if (code !== status.code || code !== details.code || !agrees(reason, details.reason)) {
    return untrusted(`The peer says ${statusName(status.code)} but the signed answer reports ${statusName(code)}.`);
  }
  return { kind: "refusal", response, error: errorFromMessage(response.error) };
}

function verify(frame: Uint8Array, { credentials, ...rest }: Expectation): VerifiedResponse {
  const { keyId, responseKey, serverId } = credentials;
  return verifyResponseFrame(frame, { ...rest, keyId, responseKey, serverId });
}

/** ErrorInfo is missing if the details were too large for it. A reason that is newer than this client has no name. */
function agrees(signed: ErrorReason, projected: string | undefined): boolean {
  const name = Object.entries(ErrorReason).find(([, number]) => number === signed)?.[0];
  return projected === undefined || name === undefined || projected === name;
}

/** The outcome of a call whose peer violates the protocol. */
export function untrusted(message: string): Failure {
  return { kind: "unverified", forged: true, error: new SealwireError("RESPONSE_UNVERIFIED", message) };
}

/** The outcome of an unsigned status. Its text is for people only, because anyone on the network path can send it. */
export function readUnsigned(
  { code, details, unsent = false, told = false, away = false }: Omit<RawStatus, "metadata">,
  requestId: string,
): Failure {
  const status = statusName(code);
  const said = `${status}: ${oneLine(details)}`;
  const error =
    code === grpcStatus.UNAVAILABLE
      ? new SealwireError(
          "UNREACHABLE",
          unsent ? `No server took the request (${said}).` : `No verified answer to request ${requestId} (${said}).`,
        )
      : code === grpcStatus.UNAUTHENTICATED
        ? new SealwireError("CREDENTIALS_REFUSED", `The peer refuses request ${requestId}, unsigned (${said}).`)
        : new SealwireError("RESPONSE_UNVERIFIED", `The peer answers request ${requestId} unsigned (${said}).`, {
            status,
          });
  return { kind: "unverified", forged: false, error, unsent, told, away };
}

function oneLine(text: string): string {
  return cutText(text.replaceAll(/\p{Cc}+/gu, " "), 200);
}
