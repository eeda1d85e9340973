import type { DatabaseSync } from "node:sqlite";
import type { FrameWindow } from "../store.ts";

/** The persistent state of a store. Times are in Unix milliseconds. */
export interface StoreState extends FrameWindow {
  /** The encryption key of page tokens. */
  readonly pageKey: Uint8Array;
  /** Id of the store. */
  readonly storeId: string;
  /** Number of times that the store was opened, including this one. */
  readonly openings: number;
  /** Frames up to this timestamp may have been accepted and forgotten. */
  readonly replayBlindUntilMs: number;
}

/** Value of the boot id in a backup. */
const COPY = "copy";

/** The reason why a store may not contain all accepted nonces. */
export type Suspicion =
  /** The store was not closed, and the kernel may have been restarted since: the latest nonces may be lost. */
  | "lost power"
  /** The store is a backup, which contains no nonce that was accepted after it was made. */
  | "copy"
  /** The store was not closed, and its write-ahead log is missing. */
  | "lost log";

/** A {@link StoreState} with the suspicion found when the store was opened. */
export interface EnteredState extends StoreState {
  readonly suspect: Suspicion | undefined;
}

/** The circumstances of opening a store. */
export interface OpeningContext {
  /** Id of the current boot. */
  readonly bootId: string | undefined;
  /** True if there was a write-ahead log that was not empty. */
  readonly hadLog: boolean;
  readonly nowMs: number;
}

/**
 * Reads the state of a store that was just opened, and durably records that it is open and what it may have forgotten.
 */
export function enterStore(db: DatabaseSync, { bootId, hadLog, nowMs }: OpeningContext): EnteredState {
  const left = db.prepare("SELECT boot_id AS bootId, closed_cleanly AS closedCleanly FROM store_state").get();
  const suspect = suspicion(left, bootId, hadLog);
  const state = db
    .prepare(
      `UPDATE store_state SET boot_id = :bootId, closed_cleanly = 0, openings = openings + 1, replay_mark_ms = 0,
         replay_blind_until_ms = max(
           replay_blind_until_ms, iif(:lostPower, replay_mark_ms, 0), iif(:lostAll, :nowMs + max_ahead_ms, 0)
         )
       RETURNING page_key AS pageKey, store_id AS storeId, openings, replay_blind_until_ms AS replayBlindUntilMs,
         max_age_ms AS maxAgeMs, max_ahead_ms AS maxAheadMs`,
    )
    .get({
      bootId: bootId ?? null,
      lostPower: suspect === "lost power" ? 1 : 0,
      lostAll: suspect === "copy" || suspect === "lost log" ? 1 : 0,
      nowMs,
    }) as unknown as StoreState;
  // Writes the record into the database file, because a deleted write-ahead log would remove it.
  db.exec("PRAGMA wal_checkpoint(PASSIVE)");
  return { ...state, suspect };
}

function suspicion(
  left: Record<string, unknown> | undefined,
  bootId: string | undefined,
  hadLog: boolean,
): Suspicion | undefined {
  if (left?.bootId === COPY) return "copy";
  if (left?.closedCleanly !== 0) return undefined;
  if (!hadLog) return "lost log";
  return bootId === undefined || bootId !== left.bootId ? "lost power" : undefined;
}

/** The operations on the persistent state of the replay guard. */
export interface ReplayState {
  widen(window: FrameWindow): void;
  raiseBlind(untilMs: number): void;
}

/** Prepares the operations on the state of the replay guard. */
export function prepareReplayState(db: DatabaseSync): ReplayState {
  const widen = db.prepare(
    "UPDATE store_state SET max_age_ms = max(max_age_ms, ?), max_ahead_ms = max(max_ahead_ms, ?)",
  );
  const raiseBlind = db.prepare("UPDATE store_state SET replay_blind_until_ms = max(replay_blind_until_ms, ?)");
  return {
    widen: ({ maxAgeMs, maxAheadMs }) => void widen.run(maxAgeMs, maxAheadMs),
    raiseBlind: (untilMs) => void raiseBlind.run(Math.ceil(untilMs)),
  };
}

/** Marks a backup as a copy. */
export function markAsCopy(db: DatabaseSync): void {
  db.prepare("UPDATE store_state SET boot_id = ?, closed_cleanly = 0").run(COPY);
}

/** Records that the store is closed. With `synchronous = FULL` all earlier commits are then on disk. */
export function leaveStore(db: DatabaseSync): void {
  db.exec("UPDATE store_state SET closed_cleanly = 1; PRAGMA wal_checkpoint(TRUNCATE)");
}
