import type { KeyObject } from "node:crypto";
import { mac, macEquals } from "../mac.ts";
import { pae, paePieces } from "../pae.ts";

/** The input of a request's signature. */
export interface SignedRequestParts {
  /** gRPC path of the method, for example "/sealwire.v1.ToolService/Call". */
  readonly method: string;
  /** Id of the signing key. */
  readonly keyId: string;
  /** Serialized Envelope, exactly as sent. */
  readonly envelope: Uint8Array;
}

/**
 * Returns the bytes that a request's signature covers: PAE("request", method, key_id, Envelope bytes).
 *
 * @example
 * ```ts
 * const signature = mac(requestKey, requestSigningInput({ method, keyId, envelope: bytes }));
 * ```
 */
export function requestSigningInput(request: SignedRequestParts): Buffer {
  return pae(...signedParts(request));
}

/** Signs a request with the request key: 32 bytes. */
export function requestSignature(key: KeyObject, request: SignedRequestParts): Buffer {
  return mac(key, ...paePieces(...signedParts(request)));
}

function signedParts({ method, keyId, envelope }: SignedRequestParts): readonly (string | Uint8Array)[] {
  return ["request", method, keyId, envelope];
}

/** True if `signature` is the signature of the request. Compares in constant time. */
export function verifyRequest(key: KeyObject, request: SignedRequestParts, signature: Uint8Array): boolean {
  return macEquals(requestSignature(key, request), signature);
}
