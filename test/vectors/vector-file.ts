import { createHash } from "node:crypto";
import { type DescMessage, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { deriveRequestKey, deriveResponseKey, fingerprint } from "../../src/signing/derivation.ts";
import {
  DEFAULT_KEY_LIMITS,
  type KeyRing,
  type KeyState,
  type VerificationKey,
} from "../../src/signing/key-ring/types.ts";
import { macKey } from "../../src/signing/mac.ts";
import { checkStrict } from "../../src/validation/strict.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";

/** The server secret behind every key of the vectors. */
export const SERVER_SECRET = Buffer.alloc(32, 0x11);
/** The server that all requests but one are for. */
export const SERVER_ID = "server-1";
/** The verifier's clock, Unix milliseconds. */
export const NOW_MS = 1_767_225_600_000;

/** One key as the vectors' files print it. */
export interface VectorKey {
  readonly keyId: string;
  readonly clientId: string;
  readonly state: KeyState;
  /** Unix milliseconds. */
  readonly notBeforeMs?: string;
  /** Unix milliseconds. */
  readonly notAfterMs?: string;
  /** Hex. */
  readonly requestKey: string;
  /** Hex. */
  readonly responseKey: string;
}

/** Derives one of the vectors' keys; a request key in `change` is an imported one. */
export function vectorKey(keyId: string, change: Partial<VectorKey> = {}): VectorKey {
  const secret = macKey(SERVER_SECRET);
  const clientId = change.clientId ?? "client-1";
  return {
    keyId,
    clientId,
    state: "active",
    ...change,
    requestKey: change.requestKey ?? deriveRequestKey(secret, clientId, keyId).toString("hex"),
    responseKey: deriveResponseKey(secret, clientId, keyId).toString("hex"),
  };
}

/** A ring of the keys that a file lists. */
export function ringOf(serverId: string, keys: readonly VectorKey[]): KeyRing {
  const ring = new Map(keys.map((key) => [key.keyId, verificationKey(key)]));
  return { serverId, find: (keyId) => ring.get(keyId), keys: () => ring.values() };
}

function verificationKey(key: VectorKey): VerificationKey {
  const { keyId, clientId, state, notBeforeMs, notAfterMs } = key;
  return {
    keyId,
    clientId,
    state,
    ...(notBeforeMs === undefined ? {} : { notBeforeMs: Number(notBeforeMs) }),
    ...(notAfterMs === undefined ? {} : { notAfterMs: Number(notAfterMs) }),
    requestKey: macKey(Buffer.from(key.requestKey, "hex")),
    responseKey: macKey(Buffer.from(key.responseKey, "hex")),
    fingerprint: fingerprint(macKey(SERVER_SECRET)),
    limits: DEFAULT_KEY_LIMITS,
    allows: () => true,
  };
}

/** Bytes that look random and are the same in every run. */
export function fixedBytes(name: string, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) blocks.push(createHash("sha256").update(`${name} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** Bytes as hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A message type of the published contract. */
export function published(fullName: string): DescMessage {
  return messageDesc(builtinImage(), fullName);
}

/**
 * ProtoJSON of a message; null where JSON cannot hold it: bytes that are no strict encoding, an Any of an unknown type, -0, which
 * most JSON writers turn into 0.
 */
export function messageJson(bytes: Uint8Array, fullName: string): JsonValue {
  const desc = published(fullName);
  try {
    checkStrict(bytes, desc);
    const json = toJson(desc, fromBinary(desc, bytes), { registry: builtinImage().registry });
    return holdsMinusZero(json) ? null : json;
  } catch {
    return null;
  }
}

function holdsMinusZero(json: JsonValue): boolean {
  if (typeof json === "object" && json !== null)
    return Object.values(json).some((value) => holdsMinusZero(value as JsonValue));
  return Object.is(json, -0);
}
