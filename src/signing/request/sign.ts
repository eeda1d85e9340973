import type { KeyObject } from "node:crypto";
import { Envelope } from "../../../gen/sealwire/v1/envelope.ts";
import { SealwireError } from "../../errors.ts";
import { checkEnvelopeFields } from "../../validation/envelope.ts";
import { encodeMessage } from "../../wire/encode.ts";
import { writeFrame } from "../../wire/frame.ts";
import { MAX_REQUEST_BYTES, PROTOCOL_VERSION } from "../../wire/limits.ts";
import { requestSignature } from "./signature.ts";

/** One attempt to call a tool. */
export interface RequestToSign {
  /** gRPC path of the method that is called. */
  readonly method: string;
  readonly clientId: string;
  readonly keyId: string;
  readonly requestKey: KeyObject;
  /** The server that is called. */
  readonly serverId: string;
  /** Identifies the intent; the same in every attempt. */
  readonly requestId: string;
  readonly tool: string;
  /** The arguments: type URL and serialized message, sent unchanged. */
  readonly args: { readonly typeUrl: string; readonly value: Uint8Array };
  /** Unix milliseconds. */
  readonly tsMs: number;
  /** 16 to 64 random bytes, new for each attempt. */
  readonly nonce: Uint8Array;
  /**
   * The `definitionDigest` of the tool that the caller accepts, only for a server that lists it. Default: any definition.
   */
  readonly definitionDigest?: string | undefined;
}

/** A signed request, ready to be sent. */
export interface SignedRequestFrame {
  /** Serialized CallRequest or WatchJobRequest. */
  readonly frame: Buffer;
  /** The signature of the request. The response is verified against it. */
  readonly signature: Buffer;
  /** The serialized Envelope in the frame. */
  readonly envelope: Uint8Array;
}

/**
 * Signs one attempt to call a tool. Throws ENVELOPE_INVALID, naming a field that no server accepts, and ARGS_INVALID
 * for arguments that make the request too large.
 *
 * @example
 * ```ts
 * const { clientId, keyId, requestKey, serverId } = credentials;
 * const { frame, signature } = signRequest({
 *   ...{ method, clientId, keyId, requestKey, serverId, requestId: randomUUID(), tool: "greet" },
 *   args: { typeUrl: "type.googleapis.com/greet.v1.GreetRequest", value: bytes },
 *   ...{ tsMs: Date.now(), nonce: randomBytes(16) },
 * });
 * ```
 */
export function signRequest(request: RequestToSign): SignedRequestFrame {
  const { method, clientId, keyId, serverId, requestId, tool, nonce } = request;
  const tsMs = BigInt(Math.trunc(request.tsMs));
  const fields: Envelope = {
    v: PROTOCOL_VERSION,
    requestId,
    tsMs,
    clientId,
    serverId,
    tool,
    args: { ...request.args },
    nonce,
    definitionDigest: request.definitionDigest ?? "",
  };
  checkEnvelopeFields(fields);
  const envelope = encodeMessage(Envelope, fields);
  const signature = requestSignature(request.requestKey, { method, keyId, envelope });
  const frame = writeFrame({ content: envelope, keyId, signature });
  if (frame.length > MAX_REQUEST_BYTES) throw tooLarge(tool, frame.length);
  return { frame, signature, envelope };
}

function tooLarge(tool: string, bytes: number): SealwireError {
  return new SealwireError(
    "ARGS_INVALID",
    `The arguments of ${tool} make a request of ${bytes} bytes; a server accepts at most ${MAX_REQUEST_BYTES}.`,
  );
}
