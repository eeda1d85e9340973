import { type KeyEntry, keyRingError, type ServerSecret, type SharedKeyRing } from "./document.ts";

/** Returns a predicate that is true for imported keys and for keys derived from one of these server secrets. */
export function derivableFrom(secrets: readonly ServerSecret[]): (key: KeyEntry) => boolean {
  const ids = new Set(secrets.map(({ id }) => id));
  return (key) => {
    const id = secretIdOf(key);
    return id === undefined || ids.has(id);
  };
}

function secretIdOf({ origin }: KeyEntry): string | undefined {
  return "serverSecretId" in origin ? origin.serverSecretId : undefined;
}

/** Input of {@link checkServerSecrets}. */
export interface SecretsOfRing {
  readonly ring: SharedKeyRing;
  readonly secrets: readonly ServerSecret[];
  /** The file that contains the secrets. */
  readonly path: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/**
 * Throws KEY_RING_INVALID if the ring has keys that are valid now or later and none of them is derived from these
 * server secrets, which then belong to another ring. A ring without such keys accepts any secrets.
 */
export function checkServerSecrets({ ring, secrets, path, nowMs }: SecretsOfRing): void {
  const live = ring.keys.filter(({ state, notAfterMs = Infinity }) => state !== "revoked" && nowMs < notAfterMs);
  if (live.length === 0 || live.some(derivableFrom(secrets))) return;
  const wanted = new Set(live.map(secretIdOf));
  const found = secrets.map(({ id }) => id).join(", ");
  const what = `none of its ${live.length} live keys comes from a server secret in ${path}, which holds ${found}`;
  throw keyRingError(`${what}; give the server secret file that holds ${[...wanted].join(" or ")}`);
}
