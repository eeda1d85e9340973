import type { KeyObject } from "node:crypto";
import { deriveAuditKey, deriveRequestKey, deriveResponseKey, fingerprint } from "../derivation.ts";
import { type KeyEntry, type KeyRingDocument, keyRingFieldError, type ServerSecret } from "./document.ts";
import { hmacIdentity, importSecret } from "./secret.ts";
import { compileToolPatterns } from "./tool-patterns.ts";
import { type AuditKey, DEFAULT_KEY_LIMITS, type KeyRing, type VerificationKey } from "./types.ts";

/**
 * Builds a key ring from a document: derives the keys and checks that the entries are consistent. Throws
 * KEY_RING_INVALID for duplicate ids, a missing server secret, and secrets that are the same HMAC key.
 *
 * @example
 * ```ts
 * const ring = buildKeyRing(parseKeyRing(await readFile("keys.json")));
 * console.log(ring.serverId, ring.find(keyId)?.state);
 * ```
 */
export function buildKeyRing(document: KeyRingDocument): KeyRing {
  const secrets = new SecretRegister();
  const serverSecrets = new Map<string, { secret: KeyObject; fingerprint: string }>();
  document.serverSecrets.forEach(({ id, secret }, index) => {
    const path = `server_secrets[${index}]`;
    if (serverSecrets.has(id))
      throw keyRingFieldError(`${path}.id`, `"${id}" is taken; give each secret an id of its own`);
    secrets.add(secret, `${path}.secret`);
    serverSecrets.set(id, { secret, fingerprint: fingerprint(secret) });
  });

  const keys = new Map<string, VerificationKey>();
  document.keys.forEach((entry, index) => {
    const path = `keys[${index}]`;
    if (keys.has(entry.keyId)) {
      throw keyRingFieldError(`${path}.key_id`, `"${entry.keyId}" is taken; give each key an id of its own`);
    }
    const pair = keyPair(entry, serverSecrets, path);
    secrets.add(pair.requestKey, `${path}, its request key`);
    secrets.add(pair.responseKey, `${path}, its response key`);
    keys.set(entry.keyId, verificationKey(entry, pair));
  });

  const auditKey = auditKeyOf(document.serverSecrets);
  return {
    serverId: document.serverId,
    ...(auditKey !== undefined && { auditKey }),
    find: (keyId) => keys.get(keyId),
    keys: () => keys.values(),
  };
}

/** The key that seals new lines of an audit log; `undefined` without a server secret. */
export function auditKeyOf(serverSecrets: readonly ServerSecret[]): AuditKey | undefined {
  return auditKeysOf(serverSecrets).at(-1);
}

/** The keys of all lines that servers with these secrets have sealed, oldest first. */
export function auditKeysOf(serverSecrets: readonly ServerSecret[]): readonly AuditKey[] {
  return serverSecrets.map(({ id, secret }) => ({ secretId: id, key: importSecret(deriveAuditKey(secret)) }));
}

type KeyPair = Pick<VerificationKey, "requestKey" | "responseKey" | "fingerprint">;

function keyPair(
  { origin, clientId, keyId }: KeyEntry,
  serverSecrets: ReadonlyMap<string, { readonly secret: KeyObject; readonly fingerprint: string }>,
  path: string,
): KeyPair {
  if ("requestKey" in origin) {
    const { requestKey, responseKey } = origin;
    return { requestKey, responseKey, fingerprint: fingerprint(responseKey) };
  }
  const parent = serverSecrets.get(origin.serverSecretId);
  if (parent === undefined) {
    const problem = `"${origin.serverSecretId}" is not among server_secrets`;
    throw keyRingFieldError(`${path}.server_secret_id`, `${problem}; bring that secret back or remove the key`);
  }
  return {
    requestKey: importSecret(deriveRequestKey(parent.secret, clientId, keyId)),
    responseKey: importSecret(deriveResponseKey(parent.secret, clientId, keyId)),
    fingerprint: parent.fingerprint,
  };
}

function verificationKey(entry: KeyEntry, pair: KeyPair): VerificationKey {
  return {
    keyId: entry.keyId,
    clientId: entry.clientId,
    state: entry.state,
    ...(entry.role !== undefined && { role: entry.role }),
    createdAtMs: entry.createdAtMs,
    ...(entry.notBeforeMs !== undefined && { notBeforeMs: entry.notBeforeMs }),
    ...(entry.notAfterMs !== undefined && { notAfterMs: entry.notAfterMs }),
    ...pair,
    limits: { ...DEFAULT_KEY_LIMITS, ...entry.limits },
    tools: entry.tools,
    allows: compileToolPatterns(entry.tools),
  };
}

/** Refuses a secret that is the same HMAC key as an earlier one. */
class SecretRegister {
  readonly #seen = new Map<string, string>();

  add(secret: KeyObject, path: string): void {
    const identity = hmacIdentity(secret);
    const twin = this.#seen.get(identity);
    if (twin !== undefined) {
      throw keyRingFieldError(path, `is the same HMAC key as ${twin}; generate every secret independently`);
    }
    this.#seen.set(identity, path);
  }
}
