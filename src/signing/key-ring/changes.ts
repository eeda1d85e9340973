import type { KeyObject } from "node:crypto";
import { SealwireError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import type { KeyEntry, KeyRingDocument, ServerSecret } from "./document.ts";
import { importSecret, SECRET_BYTES } from "./secret.ts";
import type { KeyLimits, KeyRole, KeyState } from "./types.ts";

/** Time and random source of a change. Default: the system's. */
export interface ChangeContext {
  readonly nowMs: number;
  readonly random: Random;
}

/** A key to be added. */
export interface NewKey {
  readonly clientId: string;
  /** Patterns of the tools that it may call; empty: system tools only. */
  readonly tools: readonly string[];
  /** Default: none. Servers of 0.1 refuse a ring with a role. */
  readonly role?: KeyRole;
  readonly limits?: Partial<KeyLimits>;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** Uses these keys instead of derived ones. */
  readonly imported?: { readonly requestKey: KeyObject; readonly responseKey: KeyObject };
}

/** A changed key ring and the id of the new key. */
export interface AddedKey {
  readonly document: KeyRingDocument;
  readonly keyId: string;
}

/**
 * Makes a key ring with one new server secret and no keys.
 *
 * @example
 * ```ts
 * const { document, keyId } = addKey(newKeyRing("billing"), { clientId: "shop", tools: ["batch_*"] });
 * ```
 */
export function newKeyRing(serverId: string, context: ChangeContext = here()): KeyRingDocument {
  return { serverId, serverSecrets: [newServerSecret(context)], keys: [] };
}

/**
 * Adds an active key. It is derived from the newest server secret unless `imported` is set. Returns a new document and
 * leaves `document` unchanged. Throws KEY_RING_INVALID if the ring has no server secret.
 *
 * @example
 * ```ts
 * const { document: changed, keyId } = addKey(document, {
 *   clientId: "reports",
 *   tools: ["batch_*"],
 *   limits: { callsPerSecond: 10, burst: 20 },
 * });
 * ```
 */
export function addKey(document: KeyRingDocument, key: NewKey, { nowMs, random }: ChangeContext = here()): AddedKey {
  const keyId = `k_${hex(random, 8)}`;
  const { imported } = key;
  const entry: KeyEntry = {
    keyId,
    clientId: key.clientId,
    state: "active",
    ...(key.role !== undefined && { role: key.role }),
    createdAtMs: nowMs,
    ...(key.notBeforeMs !== undefined && { notBeforeMs: key.notBeforeMs }),
    ...(key.notAfterMs !== undefined && { notAfterMs: key.notAfterMs }),
    tools: key.tools,
    limits: key.limits ?? {},
    // Copies the two keys only, because `imported` may be a whole credentials object.
    origin:
      imported === undefined
        ? { serverSecretId: newestServerSecret(document).id }
        : { requestKey: imported.requestKey, responseKey: imported.responseKey },
  };
  return { document: { ...document, keys: [...document.keys, entry] }, keyId };
}

/** A rotation of a client's key. Times are in Unix milliseconds. */
export interface KeyRotation {
  readonly clientId: string;
  readonly oldKeysEndAtMs?: number;
  /** Start of the new key's validity; default: now. */
  readonly notBeforeMs?: number;
}

/**
 * Adds a key for a client with the tools, role and limits of its newest active key, and retires its active keys. They remain
 * valid until `oldKeysEndAtMs`, or until they are revoked if it is not set. Throws OPTIONS_INVALID if the client has no
 * active key.
 *
 * @example
 * ```ts
 * const oldKeysEndAtMs = Date.now() + 7 * 86_400_000;
 * const { document: changed, keyId } = rotateKey(document, { clientId: "shop", oldKeysEndAtMs });
 * ```
 */
export function rotateKey(
  document: KeyRingDocument,
  { clientId, oldKeysEndAtMs, notBeforeMs }: KeyRotation,
  context: ChangeContext = here(),
): AddedKey {
  const active = document.keys.filter((key) => key.clientId === clientId && key.state === "active");
  const newest = active.at(-1);
  if (newest === undefined) {
    throw new SealwireError("OPTIONS_INVALID", `Client "${clientId}" has no active key.\nAdd one instead of rotating.`);
  }
  const retired = active.reduce(
    (ring, { keyId }) => retireKey(ring, { keyId, ...(oldKeysEndAtMs !== undefined && { endsAtMs: oldKeysEndAtMs }) }),
    document,
  );
  const { tools, limits, role } = newest;
  const next = { clientId, tools, limits, ...(role !== undefined && { role }) };
  return addKey(retired, { ...next, ...(notBeforeMs !== undefined && { notBeforeMs }) }, context);
}

/**
 * Marks a key as retiring. It remains valid until the earlier of `endsAtMs` and its own end; without either, until it
 * is revoked. Throws OPTIONS_INVALID for an unknown or revoked key.
 *
 * @example
 * ```ts
 * const changed = retireKey(document, { keyId, endsAtMs: Date.now() + 3_600_000 });
 * ```
 */
export function retireKey(
  document: KeyRingDocument,
  { keyId, endsAtMs = Infinity }: { readonly keyId: string; readonly endsAtMs?: number },
): KeyRingDocument {
  return changeKey(document, keyId, (key) => {
    if (key.state === "revoked") {
      throw new SealwireError("OPTIONS_INVALID", `Key ${keyId} is revoked permanently.\nAdd a new key for its client.`);
    }
    const notAfterMs = Math.min(endsAtMs, key.notAfterMs ?? Infinity);
    return { ...key, state: "retiring", ...(notAfterMs !== Infinity && { notAfterMs }) };
  });
}

/**
 * Revokes a key permanently. Idempotent. The entry is kept, so that its id is never reused. Throws OPTIONS_INVALID for
 * an unknown key.
 *
 * @example
 * ```ts
 * keyRing.replace(revokeKey(keyRing.document, keyId));
 * ```
 */
export function revokeKey(document: KeyRingDocument, keyId: string): KeyRingDocument {
  return changeKey(document, keyId, (key) => ({ ...key, state: "revoked" satisfies KeyState }));
}

/**
 * Adds a server secret. New keys are derived from it; existing keys are unchanged.
 *
 * @example
 * ```ts
 * const withSecret = rotateServerSecret(document);
 * const { document: changed } = rotateKey(withSecret, { clientId: "shop" });
 * ```
 */
export function rotateServerSecret(document: KeyRingDocument, context: ChangeContext = here()): KeyRingDocument {
  return { ...document, serverSecrets: [...document.serverSecrets, newServerSecret(context)] };
}

/** The server secret from which new keys are derived. Throws KEY_RING_INVALID if there is none. */
export function newestServerSecret({ serverSecrets }: KeyRingDocument): ServerSecret {
  const newest = serverSecrets.at(-1);
  if (newest !== undefined) return newest;
  throw new SealwireError(
    "KEY_RING_INVALID",
    "The key ring has no server secret to derive a key from.\nAdd one first.",
  );
}

function here(): ChangeContext {
  return { nowMs: systemClock.nowMs(), random: systemRandom };
}

function changeKey(document: KeyRingDocument, keyId: string, change: (key: KeyEntry) => KeyEntry): KeyRingDocument {
  if (!document.keys.some((key) => key.keyId === keyId)) {
    throw new SealwireError("OPTIONS_INVALID", `There is no key "${keyId}".\nCheck the id in the list of keys.`);
  }
  return { ...document, keys: document.keys.map((key) => (key.keyId === keyId ? change(key) : key)) };
}

function newServerSecret({ nowMs, random }: ChangeContext): ServerSecret {
  return { id: `s_${hex(random, 4)}`, secret: importSecret(random.bytes(SECRET_BYTES)), createdAtMs: nowMs };
}

function hex(random: Random, length: number): string {
  return Buffer.from(random.bytes(length)).toString("hex");
}
