import { status as grpcStatus } from "@grpc/grpc-js";
import { ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import { Status } from "../../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../errors.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { type VerifiedResponse, verifyResponseFrame } from "../../signing/response/verify.ts";
import { cutText, errorFromMessage, statusName } from "../../wire/error-message.ts";
import { readStatusDetails } from "../../wire/status.ts";
import type { RawStatus } from "../transport/transport.ts";

/** What one attempt came to. Only `answer` and `refusal` rest on a valid signature. */
export type Outcome =
  /** gRPC OK with a verified answer, which may still report that the tool failed. */
  | { readonly kind: "answer"; readonly response: VerifiedResponse }
  /** A gRPC error whose signed frame says the same. */
  | { readonly kind: "refusal"; readonly response: VerifiedResponse; readonly error: SealwireError }
  /**
   * Nothing that could be believed. `forged`: a frame was there, but not a valid one or not one that agrees. `unsent`: the
   * server has surely not begun; may be missing where nobody asks. `away`: and no connection could be made, for a reason
   * that may pass.
   */
  | {
      readonly kind: "unverified";
      readonly error: SealwireError;
      readonly forged: boolean;
      readonly unsent?: boolean;
      readonly away?: boolean;
    };

/** An attempt that brought no verified answer. */
export type Failure = Exclude<Outcome, { kind: "answer" }>;

/** What a genuine answer to an attempt must show. */
export interface Expectation {
  readonly credentials: ClientCredentials;
  readonly requestSignature: Uint8Array;
  readonly requestId: string;
  /** 0 in a unary answer, the number of the message on a stream. */
  readonly sequence: number;
}

/** Reads a message that came with gRPC OK, or on a stream. */
export function readMessage(message: Uint8Array | undefined, expected: Expectation): Outcome {
  if (message === undefined) return untrusted("The peer says OK but sent no answer.");
  try {
    return { kind: "answer", response: verify(message, expected) };
  } catch (error) {
    return { kind: "unverified", forged: true, error: SealwireError.from(error) };
  }
}

/** Reads a message of a call stream, where a refusal comes without a status of its own. */
export function readStreamed(message: Uint8Array, expected: Expectation): Outcome {
  const outcome = readMessage(message, expected);
  if (outcome.kind !== "answer") return outcome;
  const { response } = outcome;
  const { error } = response;
  if (error === undefined || !isRefusal(response, error.reason)) return outcome;
  return { kind: "refusal", response, error: errorFromMessage(error) };
}

/** What only a tool that ran says. With any other reason, trying again as the error allows does nothing twice. */
const FROM_TOOLS: ReadonlySet<number> = new Set([
  ErrorReason.TOOL_FAILED,
  ErrorReason.RESULT_TOO_LARGE,
  ErrorReason.INTERNAL,
]);

function isRefusal({ status: outcome, result }: VerifiedResponse, reason: number): boolean {
  return outcome === Status.ERROR && result === undefined && !FROM_TOOLS.has(reason);
}

/** Reads a status other than OK by the signed frame in its details; the status itself is only compared with it. */
export function readFailure(status: RawStatus, expected: Expectation): Failure {
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

/** ErrorInfo may be missing where the details had no room for it; a reason newer than this client has no name here. */
function agrees(signed: ErrorReason, projected: string | undefined): boolean {
  const name = Object.entries(ErrorReason).find(([, number]) => number === signed)?.[0];
  return projected === undefined || name === undefined || projected === name;
}

/** The outcome of a call whose peer sent what no server of this protocol sends. */
export function untrusted(message: string): Failure {
  return { kind: "unverified", forged: true, error: new SealwireError("RESPONSE_UNVERIFIED", message) };
}

/** Keeps what the peer said for people to read. It proves nothing: anyone on the way can say it. */
export function readUnsigned(
  { code, details, unsent = false, away = false }: Omit<RawStatus, "metadata">,
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
  return { kind: "unverified", forged: false, error, unsent, away };
}

function oneLine(text: string): string {
  return cutText(text.replaceAll(/\p{Cc}+/gu, " "), 200);
}
