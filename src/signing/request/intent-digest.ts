import { hash } from "node:crypto";
import { pae } from "../pae.ts";

/**
 * Identifies the content of a call: SHA-256(PAE("intent", tool, canonical args)), 32 bytes. Two calls with the same
 * request id are the same intent if their digests are equal. `canonicalArgs` is the result of `canonicalize`, so that
 * the order of map entries does not matter.
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
