import { deriveRequestKey, deriveResponseKey, fingerprint } from "../../src/signing/derivation.ts";
import { DEFAULT_KEY_LIMITS, type KeyRing, type VerificationKey } from "../../src/signing/key-ring/types.ts";
import { macKey } from "../../src/signing/mac.ts";

/** The server secret of every sample key. */
export const SAMPLE_SECRET = macKey(Buffer.alloc(32, 0x5e));
/** The server of {@link sampleRing}. */
export const SAMPLE_SERVER = "server-1";

/** A usable key of client "client-1". */
export function sampleKey(change: Partial<VerificationKey> = {}): VerificationKey {
  const keyId = change.keyId ?? "key-1";
  const clientId = change.clientId ?? "client-1";
  return {
    keyId,
    clientId,
    state: "active",
    requestKey: macKey(deriveRequestKey(SAMPLE_SECRET, clientId, keyId)),
    responseKey: macKey(deriveResponseKey(SAMPLE_SECRET, clientId, keyId)),
    fingerprint: fingerprint(SAMPLE_SECRET),
    limits: DEFAULT_KEY_LIMITS,
    allows: () => true,
    ...change,
  };
}

/** A ring of these keys. */
export function sampleRing(...keys: readonly VerificationKey[]): KeyRing {
  return {
    serverId: SAMPLE_SERVER,
    find: (keyId) => keys.find((key) => key.keyId === keyId),
    keys: () => keys,
  };
}
