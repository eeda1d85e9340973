import type { KeyObject } from "node:crypto";
import { Envelope } from "../../gen/sealwire/v1/envelope.ts";
import { checkEnvelopeFields } from "../validation/envelope.ts";
import { encodeMessage } from "../wire/encode.ts";
import { writeFrame } from "../wire/frame.ts";
import { PROTOCOL_VERSION } from "../wire/limits.ts";
import { signRequest } from "./request-signature.ts";

/** One attempt to call a tool. */
export interface RequestToSeal {
  /** gRPC path of the RPC that will carry it. */
  readonly method: string;
  readonly clientId: string;
  readonly keyId: string;
  readonly requestKey: KeyObject;
  /** The server it is meant for. */
  readonly serverId: string;
  /** Names the intent; the same in every attempt. */
  readonly requestId: string;
  readonly tool: string;
  /** The arguments: type URL and serialized message, sent as they are. */
  readonly args: { readonly typeUrl: string; readonly value: Uint8Array };
  /** Unix milliseconds. */
  readonly tsMs: number;
  /** 16 to 64 random bytes, drawn anew for each attempt. */
  readonly nonce: Uint8Array;
}

/** A signed request, ready to be sent. */
export interface SealedRequest {
  /** Serialized CallRequest or WatchJobRequest. */
  readonly frame: Buffer;
  /** Its signature, against which the answer is verified. */
  readonly signature: Buffer;
  /** The serialized Envelope inside. */
  readonly envelope: Uint8Array;
}

/** Signs one attempt to call a tool. Throws ENVELOPE_INVALID naming the field that no server would accept. */
export function sealRequest(request: RequestToSeal): SealedRequest {
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
  };
  checkEnvelopeFields(fields);
  const envelope = encodeMessage(Envelope, fields);
  const signature = signRequest(request.requestKey, { method, keyId, envelope });
  return { frame: writeFrame({ content: envelope, keyId, signature }), signature, envelope };
}
