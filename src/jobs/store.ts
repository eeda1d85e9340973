import type { JobEngine } from "./engine.ts";

/** One use of a nonce. */
export interface NonceClaim {
  readonly clientId: string;
  /** 16 to 64 bytes. */
  readonly nonce: Uint8Array;
  /** The time that the frame was stamped with, Unix milliseconds. */
  readonly tsMs: number;
  /** Until when the nonce must be remembered, Unix milliseconds: `tsMs` and the window in which frames are accepted. */
  readonly expiresAtMs: number;
}

/** Remembers nonces, so that a signed frame is accepted once (docs/protocol.md, Replay guard). */
export interface ReplayGuard {
  /**
   * Claims a nonce for a client. True exactly once per (client, nonce) until `expiresAtMs` has passed; false for
   * a repeat and for a claim that expires at or below the swept floor. Throws UNAVAILABLE, with a delay, while it
   * cannot tell: the store is away, or a power loss may have made it forget frames stamped up to then.
   */
  claim(claim: NonceClaim): Promise<boolean>;
  /** Removes expired nonces and raises the floor; returns how many rows went. */
  sweep(): Promise<number>;
  /** Rows held now. */
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

/** Remembers what sync calls with side effects did (docs/protocol.md, Intents). */
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
}
