import type { KeyObject } from "node:crypto";
import { ErrorReason } from "../../../gen/sealwire/v1/error.ts";
import type { Response } from "../../../gen/sealwire/v1/response.ts";
import { SealwireError } from "../../errors.ts";
import { readResponse } from "../../validation/response.ts";
import { assumeVerified } from "../../validation/verified-bytes.ts";
import { quoteId } from "../../wire/error-message.ts";
import { type Frame, readFrame } from "../../wire/frame.ts";
import { LENGTH_DELIMITED, WireCursor } from "../../wire/wire-cursor.ts";
import { verifyResponse } from "./signature.ts";

const REQUEST_ID_TAG = (2 << 3) | LENGTH_DELIMITED;

declare const verified: unique symbol;

/** A Response whose signature is valid and that answers the expected request. */
export type VerifiedResponse = Response & { readonly [verified]: true };

/** The request that a response must answer. */
export interface ResponseExpectation {
  /** The key that signed the request. */
  readonly keyId: string;
  readonly responseKey: KeyObject;
  /** The request's signature, 32 bytes. */
  readonly requestSignature: Uint8Array;
  readonly requestId: string;
  readonly serverId: string;
  /** 0 for a unary response; 1, 2, 3 and so on in a stream. */
  readonly sequence: number;
}

/**
 * Verifies a serialized CallResponse or WatchJobResponse, then parses it and checks that it answers the request. Throws
 * RESPONSE_UNVERIFIED with a short string as its cause. The content of such a frame must not be used.
 *
 * @example
 * ```ts
 * const { keyId, responseKey, serverId } = credentials;
 * const expected = { keyId, responseKey, serverId, requestSignature, requestId, sequence: 0 };
 * const response = verifyResponseFrame(frame, expected);
 * if (!response.ok) console.error(response.error?.message);
 * ```
 */
export function verifyResponseFrame(frameBytes: Uint8Array, expected: ResponseExpectation): VerifiedResponse {
  const frame = openFrame(frameBytes);
  if (frame.keyId !== expected.keyId) throw unverified("it names another key", "key id");
  const { requestSignature } = expected;
  if (!verifyResponse(expected.responseKey, { requestSignature, response: frame.content }, frame.signature)) {
    throw unverified("its signature is not valid for this request", "mac");
  }
  const response = openResponse(frame.content);
  if (response.serverId !== expected.serverId) {
    const named = quoteId(response.serverId);
    throw unverified(`it names another server, ${named} instead of "${expected.serverId}"`, "server id");
  }
  if (response.requestId !== expected.requestId && !isBlankRefusal(response)) {
    throw unverified("it names another request", "request id");
  }
  if (response.sequence !== BigInt(expected.sequence)) {
    throw unverified(`it is number ${response.sequence} instead of ${expected.sequence}`, "sequence");
  }
  return response as VerifiedResponse;
}

/**
 * The request id in a response, `undefined` if it cannot be read. Unverified: it serves only to find the request
 * against which the response is then verified.
 */
export function peekRequestId(frameBytes: Uint8Array): string | undefined {
  try {
    const cursor = new WireCursor(readFrame(frameBytes).content);
    const end = cursor.bytes.length;
    while (cursor.pos < end) {
      const tag = cursor.tag(end);
      if (tag === REQUEST_ID_TAG) {
        const last = cursor.delimited(end);
        return cursor.bytes.toString("utf8", cursor.pos, last);
      }
      cursor.skip(tag & 7, end);
    }
    return "";
  } catch {
    return undefined;
  }
}

/**
 * A server that could not parse the Envelope does not know its request id. The signature still binds the response to
 * the request.
 */
function isBlankRefusal({ requestId, error }: Response): boolean {
  return (
    requestId === "" &&
    (error?.reason === ErrorReason.ENVELOPE_INVALID || error?.reason === ErrorReason.UNSUPPORTED_VERSION)
  );
}

function openFrame(bytes: Uint8Array): Frame {
  try {
    return readFrame(bytes);
  } catch (error) {
    throw unverified("it is not a well-formed frame", String((error as SealwireError).cause));
  }
}

function openResponse(content: Uint8Array): Response {
  try {
    return readResponse(assumeVerified(content));
  } catch (error) {
    throw unverified(`it violates the contract (${(error as Error).message})`, "response");
  }
}

function unverified(what: string, cause: string): SealwireError {
  return new SealwireError("RESPONSE_UNVERIFIED", `The answer cannot be trusted: ${what}.`, { cause });
}
