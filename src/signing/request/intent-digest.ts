import { hash } from "node:crypto";
import { pae } from "../pae.ts";

/**
 * Tells whether two calls with one request id mean the same: SHA-256(PAE("intent", tool, canonical args)), 32 bytes.
 * `canonicalArgs` come from `canonicalize`, so that the order of a map makes no difference.
 *
 * @example
 * ```ts
 * const desc = messageDesc(builtinImage(), "sealwire.demo.v1.BatchSumRequest");
 * const digest = intentDigest("batch_sum", canonicalize(bytes, desc));
 * ```
 */
export function intentDigest(tool: string, canonicalArgs: Uint8Array): Buffer {
  return hash("sha256", pae("intent", tool, canonicalArgs), "buffer");
}
