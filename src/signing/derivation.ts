import type { KeyObject } from "node:crypto";
import { mac } from "./mac.ts";
import { pae } from "./pae.ts";

/**
 * Derives the key that signs a client's requests: HMAC(server secret, PAE("request-key", client_id, key_id)), 32 bytes.
 *
 * @example
 * ```ts
 * const requestKey = macKey(deriveRequestKey(serverSecret, "shop", keyId));
 * ```
 */
export function deriveRequestKey(serverSecret: KeyObject, clientId: string, keyId: string): Buffer {
  return mac(serverSecret, pae("request-key", clientId, keyId));
}

/**
 * Derives the key that signs responses to a client: HMAC(server secret, PAE("response-key", client_id, key_id)), 32
 * bytes.
 *
 * @example
 * ```ts
 * const responseKey = macKey(deriveResponseKey(serverSecret, "shop", keyId));
 * ```
 */
export function deriveResponseKey(serverSecret: KeyObject, clientId: string, keyId: string): Buffer {
  return mac(serverSecret, pae("response-key", clientId, keyId));
}

/**
 * Derives the key of the audit log's chain: HMAC(server secret, PAE("audit-key")), 32 bytes. It belongs to no client, so
 * no client's key can seal a line.
 *
 * @example
 * ```ts
 * const auditKey = macKey(deriveAuditKey(serverSecret));
 * ```
 */
export function deriveAuditKey(serverSecret: KeyObject): Buffer {
  return mac(serverSecret, pae("audit-key"));
}

/**
 * Identifies a server secret without revealing it: the first 32 hex digits of HMAC(server secret, PAE("fingerprint")).
 *
 * @example
 * ```ts
 * if (fingerprint(serverSecret) !== credentials.serverFingerprint) throw new Error("keys of another server secret");
 * ```
 */
export function fingerprint(serverSecret: KeyObject): string {
  return mac(serverSecret, pae("fingerprint")).toString("hex", 0, 16);
}
