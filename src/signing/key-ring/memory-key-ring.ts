import { type KeyRingDocument, keyRingError } from "./document.ts";
import { buildKeyRing } from "./key-ring.ts";
import type { KeyRing, KeyRingSource } from "./types.ts";

/** A key ring that the program itself holds in memory. */
export interface MemoryKeyRing extends KeyRingSource {
  /** The document in force. It contains secrets. */
  readonly document: KeyRingDocument;
  /**
   * Replaces the document in force atomically. Throws KEY_RING_INVALID for an invalid document and then keeps the old
   * one.
   */
  replace(document: KeyRingDocument): void;
}

/**
 * Holds a key ring in memory. The program makes the ring, or fetches it from a secret manager and replaces it when it
 * changes. Throws KEY_RING_INVALID for an invalid document.
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
        throw keyRingError(`server_id is "${built.serverId}", not "${ring.serverId}"; a server's id cannot change`);
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
