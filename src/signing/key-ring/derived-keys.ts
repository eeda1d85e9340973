import { type KeyEntry, keyRingError, type ServerSecret, type SharedKeyRing } from "./document.ts";

/** Tells whether a key can be made with these server secrets: it comes from one of them, or was imported. */
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

/** What {@link checkServerSecrets} compares. */
export interface SecretsOfRing {
  readonly ring: SharedKeyRing;
  readonly secrets: readonly ServerSecret[];
  /** The file that the secrets stand in. */
  readonly path: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/**
 * Throws KEY_RING_INVALID if the ring has keys that work now or later and none of them comes from these server secrets:
 * they are another ring's. A ring without such keys takes any.
 */
export function checkServerSecrets({ ring, secrets, path, nowMs }: SecretsOfRing): void {
  const live = ring.keys.filter(({ state, notAfterMs = Infinity }) => state !== "revoked" && nowMs < notAfterMs);
  if (live.length === 0 || live.some(derivableFrom(secrets))) return;
  const wanted = new Set(live.map(secretIdOf));
  const found = secrets.map(({ id }) => id).join(", ");
  const what = `none of its ${live.length} live keys comes from a server secret in ${path}, which holds ${found}`;
  throw keyRingError(`${what}; give the server secret file that holds ${[...wanted].join(" or ")}`);
}
