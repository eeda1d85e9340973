import type { JobEngine } from "../jobs/engine.ts";
import { MAX_AGE_MS, MAX_AHEAD_MS } from "../signing/request/verify.ts";
import type { AuditHeads } from "./audit-heads.ts";
import type { StoreCondition } from "./condition.ts";
import type { InstanceInfo } from "./instance-info.ts";
import type { OperatorView } from "./operator-view.ts";

/** The time window in which a server accepts frames, in milliseconds (docs/protocol-server.md, Replay guard). */
export interface FrameWindow {
  /** Maximum age of a frame's `ts_ms`. */
  readonly maxAgeMs: number;
  /** Maximum time by which `ts_ms` may be ahead of the server's clock. */
  readonly maxAheadMs: number;
}

/** The window of a store if no server has set one. */
export const DEFAULT_FRAME_WINDOW: FrameWindow = { maxAgeMs: MAX_AGE_MS, maxAheadMs: MAX_AHEAD_MS };

/** One use of a nonce. */
export interface NonceClaim {
  readonly clientId: string;
  /** 16 to 64 bytes. */
  readonly nonce: Uint8Array;
  /** The frame's `ts_ms`, Unix milliseconds: any int64, rounded to a number. */
  readonly tsMs: number;
}

/** Stores nonces, so that a signed frame is accepted only once (docs/protocol-server.md, Replay guard). */
export interface ReplayGuard {
  /**
   * Ensures that nonces are kept for at least this window. Called before the first claim. The store durably keeps the
   * largest window ever set; only `sealwire store narrow` lowers it. Throws UNAVAILABLE.
   */
  widen(window: FrameWindow): Promise<void>;
  /**
   * Claims the nonce of a frame within the window. Resolves to true exactly once per client and nonce, and to false for
   * a repeat. Throws FRESHNESS_UNKNOWN with a retry delay if the store may have forgotten frames with this timestamp,
   * and UNAVAILABLE while the store is unavailable.
   */
  claim(claim: NonceClaim): Promise<boolean>;
  /**
   * Ensures that a frame which is refused for being ahead of the window can never be claimed, also when its time has
   * come. The storage per client is bounded: above a thousand nonces, and for timestamps more than a day ahead, ranges
   * of timestamps replace the nonces, and claims within a range throw FRESHNESS_UNKNOWN.
   */
  refuse(claim: NonceClaim): Promise<void>;
  /**
   * Treats every frame that a server may have accepted until now as accepted and forgotten. For a store that replaces
   * the previous store of this key ring, or that has lost data. Durable.
   */
  distrust(): Promise<void>;
  /** Deletes expired nonces and records their timestamps as forgotten. Returns the number of deleted nonces. */
  sweep(): Promise<number>;
  /** The number of stored nonces; on PostgreSQL estimated if it is large. */
  size(): Promise<number>;
}

/** How long a sync intent is kept after its end, in milliseconds. */
export const INTENT_RETENTION_MS = 24 * 60 * 60 * 1000;

/** The state of an intent when a sync call begins it. */
export type IntentBegin =
  /** The intent is now recorded as running: it is new, or it is begun again. The caller must `finish` it. */
  | { readonly kind: "begun" }
  /** The intent has ended with this recorded outcome. */
  | { readonly kind: "finished"; readonly outcome: Uint8Array }
  /** The intent is running. */
  | { readonly kind: "running" }
  /** The intent was begun, and its process died, gave it up or could not record its outcome. */
  | { readonly kind: "unknown" }
  /** The request id belongs to another intent. */
  | { readonly kind: "reused" };

/** Records the outcomes of sync calls with side effects (docs/protocol-server.md, Intents). */
export interface IntentStore {
  /**
   * Records the intent as running, or returns the state of a known intent. Jobs share the namespace of (clientId,
   * requestId).
   *
   * `repeatable` (default false): all runs of the intent have one effect, because the tool recognises a repeated run. The
   * store keeps this before the handler starts. An intent that was begun as repeatable and whose outcome is unknown is
   * begun again if this begin is repeatable, too. A run that was given up may still end at the same time.
   */
  begin(
    clientId: string,
    requestId: string,
    intentDigest: Uint8Array,
    options?: { readonly repeatable?: boolean },
  ): Promise<IntentBegin>;
  /**
   * Records the outcome, which is kept for at least 24 h, and returns it. If another run of a repeatable intent has
   * recorded its outcome first, returns that one. Throws RESULT_TOO_LARGE above 64 KiB; a smaller outcome can then still
   * be recorded. After any other failure the outcome counts as unknown.
   */
  finish(clientId: string, requestId: string, outcome: Uint8Array): Promise<Uint8Array>;
  /**
   * Marks the outcome of a running intent as unknown because its handler does not return. {@link finish} may still
   * record a late outcome. Does nothing if the intent is not running.
   */
  giveUp(clientId: string, requestId: string): Promise<void>;
  /**
   * Deletes an intent whose handler did not run. A repeatable one is kept and can be begun again, because an earlier run
   * may still end.
   */
  abandon(clientId: string, requestId: string): Promise<void>;
  /** True if an intent or a job of this request id is recorded. */
  knows(clientId: string, requestId: string): Promise<boolean>;
  sweep(): Promise<number>;
}

/** The persistent state of a server. */
export interface Store extends AsyncDisposable {
  readonly jobs: JobEngine;
  readonly replay: ReplayGuard;
  readonly intents: IntentStore;
  readonly auditHeads: AuditHeads;
  /** What operators see: the jobs of all owners, and the processes. */
  readonly operator: OperatorView;
  /** Id of this process among those that use the store. Another one after each opening. */
  readonly instanceId: string;
  /** Whether servers can use the store. */
  readonly condition: StoreCondition;
  /** True from a failure until 5 s without one. The log reports the same times. */
  readonly away: boolean;
  /** The connections to the database of a shared store. */
  readonly connections?: StoreConnections;
  /** Says what this process is, for operators. Never fails: while the store is unavailable, it is written later. */
  announce(info: InstanceInfo): Promise<void>;
  /** The identity of the store. It does not change when the data is moved; a new store has a new one. */
  readonly identity: StoreIdentity;
}

/** The connections of one process to the database of a shared store, besides the one for notifications. */
export interface StoreConnections {
  /** Maximum number of connections. */
  readonly most: number;
  readonly used: number;
  readonly idle: number;
  /** Number of callers that wait for a connection. */
  readonly waiting: number;
}

/** Id of a store and the number of times it was opened. A copy that replaces the store has a lower count. */
export interface StoreIdentity {
  readonly id: string;
  /**
   * Number of times that the store was opened, including this one; 0 for stores that are not restored from copies of a
   * file.
   */
  readonly openings: number;
}
