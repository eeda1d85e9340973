import type { KeyObject } from "node:crypto";
import type { NumberRange } from "../../runtime/number-range.ts";

/** Where a key is in its life. `retiring` still works and says that a newer key should be used; `revoked` never works. */
export type KeyState = "active" | "retiring" | "revoked";

/** What one key may take of the server at most. */
export interface KeyLimits {
  /** Calls per second in the long run, 0.001 to 1,000,000. */
  readonly callsPerSecond: number;
  /** Calls that may come at once after a pause, 1 to 1,000,000. */
  readonly burst: number;
  /** Calls that may run at the same time, 1 to 1,000,000. */
  readonly callsInFlight: number;
  /** Jobs that may be queued or running at the same time, 0 to 1,000,000,000. */
  readonly openJobs: number;
  /** Streams and long-polls that may be open at the same time, 0 to 1,000,000. */
  readonly openWatches: number;
}

/** What each limit may be: in a key ring and on the command line. */
export const KEY_LIMIT_RANGES = {
  callsPerSecond: { least: 0.001, most: 1_000_000, fraction: true },
  burst: { least: 1, most: 1_000_000 },
  callsInFlight: { least: 1, most: 1_000_000 },
  openJobs: { least: 0, most: 1_000_000_000 },
  openWatches: { least: 0, most: 1_000_000 },
} as const satisfies Readonly<Record<keyof KeyLimits, NumberRange>>;

/** The limits of a key that names none of its own. */
export const DEFAULT_KEY_LIMITS: KeyLimits = {
  callsPerSecond: 100,
  burst: 200,
  callsInFlight: 64,
  openJobs: 1000,
  openWatches: 100,
};

/** One key of the ring, ready to verify requests and to sign answers. Derived once, when the ring is loaded. */
export interface VerificationKey {
  readonly keyId: string;
  /** The only client that may sign with this key. */
  readonly clientId: string;
  readonly state: KeyState;
  /** Unix milliseconds; the key works from then on. */
  readonly notBeforeMs?: number;
  /** Unix milliseconds; the key works until just before then. */
  readonly notAfterMs?: number;
  readonly requestKey: KeyObject;
  readonly responseKey: KeyObject;
  /** 32 hex digits that name the secret behind the key and reveal nothing of it. */
  readonly fingerprint: string;
  readonly limits: KeyLimits;
  /** True if the key's allow-list names the tool. System tools need no entry and are not asked for. */
  allows(tool: string): boolean;
}

/** All keys that a server knows, as of one load; never changes. */
export interface KeyRing {
  readonly serverId: string;
  find(keyId: string): VerificationKey | undefined;
  keys(): Iterable<VerificationKey>;
}

/** Gives the ring that is in force now, and tells when another comes into force. */
export interface KeyRingSource extends AsyncDisposable {
  current(): KeyRing;
  /** Calls `listener` after each change of the ring; dispose the result to stop that. */
  onChange(listener: (ring: KeyRing) => void): Disposable;
}

/** True if requests signed with the key are accepted at `nowMs`. */
export function isUsable(key: VerificationKey, nowMs: number): boolean {
  if (key.state === "revoked") return false;
  return nowMs >= (key.notBeforeMs ?? -Infinity) && nowMs < (key.notAfterMs ?? Infinity);
}
