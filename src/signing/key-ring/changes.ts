import type { KeyObject } from "node:crypto";
import { SealwireError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import type { KeyEntry, KeyRingDocument, ServerSecret } from "./document.ts";
import { importSecret, SECRET_BYTES } from "./secret.ts";
import type { KeyLimits, KeyState } from "./types.ts";

/** When a change is made, and with which randomness; left out where it is made now, with the system's. */
export interface ChangeContext {
  readonly nowMs: number;
  readonly random: Random;
}

/** What a new key is to be. */
export interface NewKey {
  readonly clientId: string;
  /** Patterns of the tools it may call; none: system tools only. */
  readonly tools: readonly string[];
  readonly limits?: Partial<KeyLimits>;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** Takes these keys over instead of deriving new ones. */
  readonly imported?: { readonly requestKey: KeyObject; readonly responseKey: KeyObject };
}

/** A changed ring and the key that the change made. */
export interface AddedKey {
  readonly document: KeyRingDocument;
  readonly keyId: string;
}

/**
 * Makes a ring with one fresh server secret and no keys.
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
 * Adds an active key, derived from the newest server secret unless its keys are given.
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
    createdAtMs: nowMs,
    ...(key.notBeforeMs !== undefined && { notBeforeMs: key.notBeforeMs }),
    ...(key.notAfterMs !== undefined && { notAfterMs: key.notAfterMs }),
    tools: key.tools,
    limits: key.limits ?? {},
    // The two keys alone: what is imported may be whole credentials.
    origin:
      imported === undefined
        ? { serverSecretId: newestServerSecret(document).id }
        : { requestKey: imported.requestKey, responseKey: imported.responseKey },
  };
  return { document: { ...document, keys: [...document.keys, entry] }, keyId };
}

/** Whose key is rotated, and when the old ones and the new one change over; times in Unix milliseconds. */
export interface KeyRotation {
  readonly clientId: string;
  readonly oldKeysEndAtMs?: number;
  /** The new key works from then on. */
  readonly notBeforeMs?: number;
}

/**
 * Gives a client a new key with the tools and limits of its newest one; its active keys become retiring. They go on
 * working until `oldKeysEndAtMs`, or until they are revoked if that is not given.
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
  const next = { clientId, tools: newest.tools, limits: newest.limits };
  return addKey(retired, { ...next, ...(notBeforeMs !== undefined && { notBeforeMs }) }, context);
}

/**
 * Marks a key as retiring. It works until `endsAtMs` or its earlier end; without either, until it is revoked.
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
      throw new SealwireError("OPTIONS_INVALID", `Key ${keyId} is revoked, for good.\nAdd a new key for its client.`);
    }
    const notAfterMs = Math.min(endsAtMs, key.notAfterMs ?? Infinity);
    return { ...key, state: "retiring", ...(notAfterMs !== Infinity && { notAfterMs }) };
  });
}

/**
 * Ends a key for good; idempotent. The entry stays, so that its id is never given out again.
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
 * Adds a server secret, from which keys are derived from then on. Keys there are keep theirs.
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

/** The server secret from which new keys are derived. */
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
