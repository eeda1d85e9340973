import type { WatchedKeyRing } from "../../signing/key-ring/key-ring-watcher.ts";
import type { Store } from "../store.ts";

/** A store that any number of processes share, including the key ring. */
export interface SharedStore extends Store {
  /**
   * Loads the key ring in the store and reloads it when it changes. The server secrets are in a file. Throws
   * KEY_RING_INVALID.
   */
  watchKeyRing(options: { readonly serverSecretFile: string }): Promise<WatchedKeyRing>;
  /** Records the last use of keys, Unix milliseconds by key id. */
  recordKeyUse(lastUse: ReadonlyMap<string, number>): Promise<void>;
}
