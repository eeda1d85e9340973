import type { JobEngine } from "../jobs/engine.ts";
import { MAX_AGE_MS, MAX_AHEAD_MS } from "../signing/request/verify.ts";
import type { StoreCondition } from "./condition.ts";

/** Around which time a server accepts frames, in milliseconds (docs/protocol-server.md, Replay guard). */
export interface FrameWindow {
  /** How old the stamp of a frame may be. */
  readonly maxAgeMs: number;
  /** How far ahead of the server's clock it may be. */
  readonly maxAheadMs: number;
}

/** The window of a store that no server has told its own. */
export const DEFAULT_FRAME_WINDOW: FrameWindow = { maxAgeMs: MAX_AGE_MS, maxAheadMs: MAX_AHEAD_MS };

/** One use of a nonce. */
export interface NonceClaim {
  readonly clientId: string;
  /** 16 to 64 bytes. */
  readonly nonce: Uint8Array;
  /** The time that the frame was stamped with, Unix milliseconds; any int64, as near as a number can say it. */
  readonly tsMs: number;
}

/** Remembers nonces, so that a signed frame is accepted once (docs/protocol-server.md, Replay guard). */
export interface ReplayGuard {
  /**
   * Sees to it that nonces are remembered for at least this window. Called before the first claim. The store keeps the
   * widest window that it was ever told, durably. Throws UNAVAILABLE.
   */
  widen(window: FrameWindow): Promise<void>;
  /**
   * Claims the nonce of a frame that is within the window. True exactly once per (client, nonce); false for a repeat.
   * Throws FRESHNESS_UNKNOWN, with a delay, where the store cannot tell: it has forgotten, or may have, frames of this
   * stamp. Throws UNAVAILABLE while the store is away.
   */
  claim(claim: NonceClaim): Promise<boolean>;
  /**
   * Sees to it that a frame which is refused because its stamp is ahead of the window can never be claimed, also when
   * its time has come. A client takes a bounded amount of room: beyond a thousand nonces, and for stamps more
   * than a day ahead, a range of stamps stands for the nonces, and claims within it throw FRESHNESS_UNKNOWN.
   */
  refuse(claim: NonceClaim): Promise<void>;
  /**
   * Treats every frame that a server could have accepted until now as one that may have been accepted and forgotten.
   * For a store that is not the one which served this key ring before, or that has lost what it held. Durable.
   */
  distrust(): Promise<void>;
  /** Removes expired nonces, and notes which stamps were forgotten; returns how many went. */
  sweep(): Promise<number>;
  /** Nonces held now; estimated where a store on PostgreSQL holds many. */
  size(): Promise<number>;
}

/** How long a sync intent is remembered after its end, in milliseconds. */
export const INTENT_RETENTION_MS = 24 * 60 * 60 * 1000;

/** What is known of an intent when a sync call asks to begin it. */
export type IntentBegin =
  /** It is new and now recorded as running; the caller must `finish` it. */
  | { readonly kind: "begun" }
  /** It ran before; these bytes were recorded. */
  | { readonly kind: "finished"; readonly outcome: Uint8Array }
  /** It runs now. */
  | { readonly kind: "running" }
  /** It was begun, and its process died, gave it up or could not record how it ended. */
  | { readonly kind: "unknown" }
  /** The request id stands for another intent. */
  | { readonly kind: "reused" };

/** Remembers what sync calls with side effects did (docs/protocol-server.md, Intents). */
export interface IntentStore {
  /** Commits that the intent runs, or tells what is known of it. Jobs share the (clientId, requestId) namespace. */
  begin(clientId: string, requestId: string, intentDigest: Uint8Array): Promise<IntentBegin>;
  /**
   * Commits the outcome; it is remembered for 24 h or more. Throws RESULT_TOO_LARGE above 64 KiB, and then still
   * waits for one that fits. After any other failure the intent's outcome counts as unknown.
   */
  finish(clientId: string, requestId: string, outcome: Uint8Array): Promise<void>;
  /**
   * Lets a running intent count as unknown from now on, since its handler does not return. {@link finish} may still
   * record a late outcome. Does nothing if the intent does not run.
   */
  giveUp(clientId: string, requestId: string): Promise<void>;
  /** Forgets an intent whose handler surely did not run. */
  abandon(clientId: string, requestId: string): Promise<void>;
  sweep(): Promise<number>;
}

/** Everything a server keeps between calls. */
export interface Store extends AsyncDisposable {
  readonly jobs: JobEngine;
  readonly replay: ReplayGuard;
  readonly intents: IntentStore;
  /** Whether servers may use it. */
  readonly condition: StoreCondition;
  /** True from the moment at which it could not be used until nothing has failed for 5 s, as the log says, too. */
  readonly away: boolean;
  /** The connections to its database, where there is one. */
  readonly connections?: StoreConnections;
  /** Names the store itself, wherever its data is moved to; a store that is made anew has another. */
  readonly identity: StoreIdentity;
}

/** The connections of one process to the database of a shared store, beside that for notifications. */
export interface StoreConnections {
  /** As many as there may be. */
  readonly most: number;
  readonly used: number;
  readonly idle: number;
  /** Users that wait for one. */
  readonly waiting: number;
}

/** Which store it is, and how often it was opened: a copy that was put in its place shows an earlier count. */
export interface StoreIdentity {
  readonly id: string;
  /** Counts the openings, this one included; 0 where copies of the store are not put in place by hand. */
  readonly openings: number;
}
