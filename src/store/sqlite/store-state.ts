import type { DatabaseSync } from "node:sqlite";
import type { FrameWindow } from "../store.ts";

/** What a store remembers about itself between processes; times in Unix milliseconds. */
export interface StoreState extends FrameWindow {
  /** The key that page tokens are encrypted with. */
  readonly pageKey: Uint8Array;
  /** Names the store. */
  readonly storeId: string;
  /** Counts the openings, this one included. */
  readonly openings: number;
  /** Frames stamped up to this time may have been accepted and forgotten. */
  readonly replayBlindUntilMs: number;
}

/** Stands in a backup where a store has the boot that it was last open in. */
const COPY = "copy";

/** What opening the store found out: why it may not hold all that was accepted. */
export type Suspicion =
  /** It was not closed, and the kernel is not known to be the same since: the latest nonces may be gone. */
  | "lost power"
  /** It is a backup, which knows no nonce that was accepted after it was made. */
  | "copy"
  /** It was not closed, and its write-ahead log is gone. */
  | "lost log";

/** A {@link StoreState} with what opening the store found out. */
export interface EnteredState extends StoreState {
  readonly suspect: Suspicion | undefined;
}

/** Under which circumstances a store was opened. */
export interface Entry {
  /** Names this boot of the machine. */
  readonly bootId: string | undefined;
  /** True if there was a write-ahead log with something in it. */
  readonly hadLog: boolean;
  readonly nowMs: number;
}

/** Reads the state of a store that was just opened and notes, durably, that it is open and what it may have forgotten. */
export function enterStore(db: DatabaseSync, { bootId, hadLog, nowMs }: Entry): EnteredState {
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
  // Else a log that is deleted would take with it that the store is open.
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

/** The operations on what a store remembers of its replay guard. */
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

/** Notes in a backup that it is one. */
export function markAsCopy(db: DatabaseSync): void {
  db.prepare("UPDATE store_state SET boot_id = ?, closed_cleanly = 0").run(COPY);
}

/** Notes that the store is closed; with `synchronous = FULL` everything committed before it is then on the disk. */
export function leaveStore(db: DatabaseSync): void {
  db.exec("UPDATE store_state SET closed_cleanly = 1; PRAGMA wal_checkpoint(TRUNCATE)");
}
