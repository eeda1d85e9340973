declare const verified: unique symbol;

/** Bytes with a valid signature. Only such bytes are parsed; received bytes have another type. */
export type VerifiedBytes = Uint8Array & { readonly [verified]: true };

/**
 * Marks bytes as verified. For code that has checked their signature, and for offline tools that report that they could
 * not check it.
 */
export function assumeVerified(bytes: Uint8Array): VerifiedBytes {
  return bytes as VerifiedBytes;
}
