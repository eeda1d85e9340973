import { type KeyRingDocument, keyRingError } from "./document.ts";
import { buildKeyRing } from "./key-ring.ts";
import type { KeyRing, KeyRingSource } from "./types.ts";

/** A ring that is kept by the program itself. */
export interface MemoryKeyRing extends KeyRingSource {
  /** What is in force. It holds secrets. */
  readonly document: KeyRingDocument;
  /** Puts another document into force, at once and as a whole. Throws KEY_RING_INVALID; then the old one stays. */
  replace(document: KeyRingDocument): void;
}

/**
 * Serves a ring from memory: one that the program made, or that it fetches from a secret manager and replaces there when it
 * changes. Throws KEY_RING_INVALID if the document cannot be used.
 *
 * @example
 * ```ts
 * const { document, keyId } = addKey(newKeyRing("billing"), { clientId: "shop", tools: ["*"] });
 * const keyRing = memoryKeyRing(document);
 * keyRing.replace(rotateKey(keyRing.document, { clientId: "shop" }).document);
 * ```
 */
export function memoryKeyRing(document: KeyRingDocument): MemoryKeyRing {
  const listeners = new Set<(ring: KeyRing) => void>();
  let ring = buildKeyRing(document);
  let current = document;
  return {
    get document() {
      return current;
    },
    current: () => ring,
    replace(next) {
      const built = buildKeyRing(next);
      if (built.serverId !== ring.serverId) {
        throw keyRingError(
          `server_id is "${built.serverId}", not "${ring.serverId}"; make a server of another name anew`,
        );
      }
      ring = built;
      current = next;
      for (const listener of [...listeners]) listener(ring);
    },
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    async [Symbol.asyncDispose]() {
      listeners.clear();
    },
  };
}
