import type { WatchedKeyRing } from "../../signing/key-ring/key-ring-watcher.ts";
import type { Store } from "../store.ts";

/** A store that any number of processes share, with what else they share. */
export interface SharedStore extends Store {
  /** Follows the key ring in the store; the server secrets stand in a file. Throws KEY_RING_INVALID. */
  watchKeyRing(options: { readonly serverSecretFile: string }): Promise<WatchedKeyRing>;
  /** Notes when keys were last used, Unix milliseconds by key id. */
  recordKeyUse(lastUse: ReadonlyMap<string, number>): Promise<void>;
}
