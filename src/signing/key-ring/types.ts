import type { KeyObject } from "node:crypto";
import type { NumberRange } from "../../runtime/number-range.ts";

/**
 * State of a key. A `retiring` key is still accepted and should be replaced by a newer one. A `revoked` key is never
 * accepted.
 */
export type KeyState = "active" | "retiring" | "revoked";

/**
 * What a key may do beside its tools, with the tools of `sealwire.operator.v1`: a `viewer` may call those without side
 * effects, an `operator` all of them.
 */
export type KeyRole = "viewer" | "operator";

/** All roles. */
export const KEY_ROLES: readonly KeyRole[] = ["viewer", "operator"];

/** Limits of one key. */
export interface KeyLimits {
  /** Sustained rate of calls per second, 0.001 to 1,000,000. */
  readonly callsPerSecond: number;
  /** Calls that may start at once after a pause, 1 to 1,000,000. */
  readonly burst: number;
  /** Concurrent calls, 1 to 1,000,000. */
  readonly callsInFlight: number;
  /** Jobs that are queued or running, 0 to 1,000,000,000. */
  readonly openJobs: number;
  /** Concurrent streams and long polls, 0 to 1,000,000. */
  readonly openWatches: number;
}

/** The range of each limit, in a key ring and on the command line. */
export const KEY_LIMIT_RANGES = {
  callsPerSecond: { least: 0.001, most: 1_000_000, fraction: true },
  burst: { least: 1, most: 1_000_000 },
  callsInFlight: { least: 1, most: 1_000_000 },
  openJobs: { least: 0, most: 1_000_000_000 },
  openWatches: { least: 0, most: 1_000_000 },
} as const satisfies Readonly<Record<keyof KeyLimits, NumberRange>>;

/** The limits of a key that sets none. */
export const DEFAULT_KEY_LIMITS: KeyLimits = {
  callsPerSecond: 100,
  burst: 200,
  callsInFlight: 64,
  openJobs: 1000,
  openWatches: 100,
};

/**
 * One key of a key ring, with the derived keys that verify requests and sign responses. Derived once, when the ring is
 * loaded.
 */
export interface VerificationKey {
  readonly keyId: string;
  /** The only client that may sign with this key. */
  readonly clientId: string;
  readonly state: KeyState;
  /** Default: none. A key without a role can neither list nor call the operator's tools, whatever its allow-list. */
  readonly role?: KeyRole;
  /** When the key was made, Unix milliseconds; `undefined` if it is not known. */
  readonly createdAtMs?: number;
  /** Start of validity, inclusive, Unix milliseconds. */
  readonly notBeforeMs?: number;
  /** End of validity, exclusive, Unix milliseconds. */
  readonly notAfterMs?: number;
  readonly requestKey: KeyObject;
  readonly responseKey: KeyObject;
  /** Fingerprint of the server secret from which the key is derived: 32 hex digits. Does not reveal the secret. */
  readonly fingerprint: string;
  readonly limits: KeyLimits;
  /** The patterns of the allow-list, to show them; `undefined` if they are not known. */
  readonly tools?: readonly string[];
  /** True if the key's allow-list matches the tool. Not called for system tools, which need no entry. */
  allows(tool: string): boolean;
}

/** The key that seals the lines of the audit log, derived from a server secret. */
export interface AuditKey {
  /** Id of the server secret. Each line names it. */
  readonly secretId: string;
  readonly key: KeyObject;
}

/** An immutable snapshot of all keys of a server. */
export interface KeyRing {
  readonly serverId: string;
  /** Derived from the newest server secret; `undefined` if the ring has none. A server without it keeps no audit log. */
  readonly auditKey?: AuditKey;
  find(keyId: string): VerificationKey | undefined;
  keys(): Iterable<VerificationKey>;
}

/** Provides the key ring in force and notifies of changes. */
export interface KeyRingSource extends AsyncDisposable {
  current(): KeyRing;
  /** Calls `listener` after each change of the ring until the result is disposed. */
  onChange(listener: (ring: KeyRing) => void): Disposable;
}

/** True if requests signed with the key are accepted at `nowMs`. */
export function isUsable(key: VerificationKey, nowMs: number): boolean {
  if (key.state === "revoked") return false;
  return nowMs >= (key.notBeforeMs ?? -Infinity) && nowMs < (key.notAfterMs ?? Infinity);
}
