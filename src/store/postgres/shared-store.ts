import type { WatchedKeyRing } from "../../signing/key-ring/key-ring-watcher.ts";
import type { ServerSecretSource } from "../../signing/key-ring/server-secret-source.ts";
import type { Store } from "../store.ts";

/** The server secrets of a key ring in a shared store: a file, or a source that the caller disposes. */
export type SharedRingSecrets = { readonly serverSecretFile: string } | { readonly serverSecrets: ServerSecretSource };

/** A store that any number of processes share, including the key ring. */
export interface SharedStore extends Store {
  /**
   * Loads the key ring in the store and reloads it when it changes. The server secrets are not in the
   * store. Throws KEY_RING_INVALID, and UNAVAILABLE if a source of secrets may have them later.
   */
  watchKeyRing(options: SharedRingSecrets): Promise<WatchedKeyRing>;
  /** Records the last use of keys, Unix milliseconds by key id. */
  recordKeyUse(lastUse: ReadonlyMap<string, number>): Promise<void>;
}
