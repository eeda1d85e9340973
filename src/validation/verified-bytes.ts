declare const verified: unique symbol;

/** Bytes whose signature was found to hold. Only these are parsed; bytes off the wire have another type. */
export type VerifiedBytes = Uint8Array & { readonly [verified]: true };

/**
 * Declares bytes verified. For the code that has just checked their signature, and for offline tools that say plainly
 * that they could not.
 */
export function assumeVerified(bytes: Uint8Array): VerifiedBytes {
  return bytes as VerifiedBytes;
}
