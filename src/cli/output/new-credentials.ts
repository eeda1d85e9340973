import { type ClientCredentials, credentialsOf } from "../../signing/key-ring/credentials.ts";
import type { KeyRingDocument } from "../../signing/key-ring/document.ts";
import { buildKeyRing } from "../../signing/key-ring/key-ring.ts";
import type { VerificationKey } from "../../signing/key-ring/types.ts";

/** A new key and its credentials. */
export interface NewCredentials {
  readonly key: VerificationKey;
  readonly credentials: ClientCredentials;
}

/**
 * The credentials of a new key in a ring. The ring's other keys are not derived, because a ring in a database may have
 * keys whose server secret is missing here.
 */
export function newCredentials(document: KeyRingDocument, keyId: string, address: string): NewCredentials {
  const key = buildKeyRing({ ...document, keys: document.keys.filter((each) => each.keyId === keyId) }).find(keyId);
  if (key === undefined) throw new Error(`key ${keyId} was added but is missing in the key ring`);
  return { key, credentials: credentialsOf(key, { serverId: document.serverId, address }) };
}
