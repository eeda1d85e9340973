import type { KeyObject } from "node:crypto";
import { mac, macEquals } from "../mac.ts";
import { pae, paePieces } from "../pae.ts";

/** The input of a response's signature. */
export interface SignedResponseParts {
  /** Signature of the answered request, 32 bytes. Binds the response to the request. */
  readonly requestSignature: Uint8Array;
  /** Serialized Response, exactly as sent. */
  readonly response: Uint8Array;
}

/**
 * Returns the bytes that a response's signature covers: PAE("response", the request's signature, Response bytes).
 *
 * @example
 * ```ts
 * const signature = mac(responseKey, responseSigningInput({ requestSignature, response: bytes }));
 * ```
 */
export function responseSigningInput(response: SignedResponseParts): Buffer {
  return pae(...signedParts(response));
}

/** Signs a response, or one message of a stream, with the response key: 32 bytes. */
export function responseSignature(key: KeyObject, response: SignedResponseParts): Buffer {
  return mac(key, ...paePieces(...signedParts(response)));
}

function signedParts({ requestSignature, response }: SignedResponseParts): readonly (string | Uint8Array)[] {
  return ["response", requestSignature, response];
}

/** True if `signature` is the signature of the response. Compares in constant time. */
export function verifyResponse(key: KeyObject, response: SignedResponseParts, signature: Uint8Array): boolean {
  return macEquals(responseSignature(key, response), signature);
}
