import { type ClientCredentials, credentialsOf } from "../../signing/key-ring/credentials.ts";
import type { KeyRingDocument } from "../../signing/key-ring/document.ts";
import { buildKeyRing } from "../../signing/key-ring/key-ring.ts";
import type { VerificationKey } from "../../signing/key-ring/types.ts";

/** A key that was just made, and its credentials. */
export interface NewCredentials {
  readonly key: VerificationKey;
  readonly credentials: ClientCredentials;
}

/**
 * The credentials of a key that was just made in a ring. Of the ring's other keys nothing is derived: a ring in a database
 * may have some whose secret is not known here.
 */
export function newCredentials(document: KeyRingDocument, keyId: string, address: string): NewCredentials {
  const key = buildKeyRing({ ...document, keys: document.keys.filter((each) => each.keyId === keyId) }).find(keyId);
  if (key === undefined) throw new Error(`key ${keyId} was made and is not there`);
  return { key, credentials: credentialsOf(key, { serverId: document.serverId, address }) };
}
