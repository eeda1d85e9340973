import { hash } from "node:crypto";
import { canonicalizeChecked } from "../signing/canonical.ts";
import { pae } from "../signing/pae.ts";
import { intentDigest } from "../signing/request/intent-digest.ts";
import type { Tool } from "./tool.ts";

/** The digest of a call's intent. `args` must have passed the strict parse. */
export function intentDigestOf(tool: Tool, args: Uint8Array): Uint8Array {
  return intentDigest(tool.name, canonicalizeChecked(args, tool.input));
}

/**
 * The idempotency key of a sync call: hex SHA-256(PAE("idempotency", client id, request id, intent digest)). Without
 * PAE one client could choose a request id that gives the key of another client.
 */
export function idempotencyKeyOf(clientId: string, requestId: string, digest: Uint8Array): string {
  return hash("sha256", pae("idempotency", clientId, requestId, digest), "hex");
}
