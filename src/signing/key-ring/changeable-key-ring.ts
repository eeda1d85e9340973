import type { KeyRingDocument } from "./document.ts";
import type { KeyRingSource } from "./types.ts";

/** Changes a key ring. It may be called again after a concurrent change. The ring may be given without its secrets. */
export type KeyRingChange = (document: KeyRingDocument) => KeyRingDocument;

/** A stored key ring that a server may change. */
export interface ChangeableKeyRing extends KeyRingSource {
  /**
   * Changes the stored ring atomically and resolves when this source has read it again. Throws KEY_RING_INVALID,
   * UNAVAILABLE and the errors of `change`.
   */
  change(change: KeyRingChange): Promise<void>;
  /** When each key was last used at any server of the ring, Unix milliseconds by key id. */
  lastUse(): Promise<ReadonlyMap<string, number>>;
}

/** True if a server may change the ring. One that the program holds in memory is changed by the program alone. */
export function isChangeable(keyRing: KeyRingSource): keyRing is ChangeableKeyRing {
  return "change" in keyRing && "lastUse" in keyRing;
}
