import { randomBytes, randomUUID } from "node:crypto";
import { CallRequest, type CallResponse } from "../../gen/sealwire/v1/frame.ts";
import { Status } from "../../gen/sealwire/v1/response.ts";
import { PROTOCOL_VERSION, TYPE_URL_PREFIX } from "../../src/wire/limits.ts";
import { ARGS } from "./work.ts";

/* Frames of the same size as Sealwire's, with placeholder signatures that are not checked. */

const KEY_ID = "k_0123456789abcdef";
const SIGNATURE = Buffer.alloc(32, 1);

/** A request frame. */
export function plainRequest(): CallRequest {
  return {
    envelope: {
      v: PROTOCOL_VERSION,
      requestId: randomUUID(),
      tsMs: BigInt(Date.now()),
      clientId: "alice",
      serverId: "test-server",
      tool: "batch_sum",
      args: { typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumRequest`, value: ARGS },
      nonce: randomBytes(16),
      definitionDigest: "",
    },
    keyId: KEY_ID,
    signature: SIGNATURE,
  };
}

/** A request frame, serialized. */
export function plainRequestBytes(): Uint8Array {
  return CallRequest.encode(plainRequest()).finish();
}

/** The frame that answers the request with this id. */
export function plainResponse(requestId: string, result: Uint8Array): CallResponse {
  return {
    response: {
      v: PROTOCOL_VERSION,
      requestId,
      tsMs: BigInt(Date.now()),
      ok: true,
      serverId: "test-server",
      status: Status.OK,
      result: { typeUrl: `${TYPE_URL_PREFIX}sealwire.demo.v1.BatchSumResponse`, value: result },
      error: undefined,
      job: undefined,
      sequence: 0n,
    },
    keyId: KEY_ID,
    signature: SIGNATURE,
  };
}
