import type { DatabaseSync } from "node:sqlite";

/** What a store remembers about itself between processes; times in Unix milliseconds. */
export interface StoreState {
  /** The key that page tokens are encrypted with. */
  readonly pageKey: Uint8Array;
  /** No nonce that expires at or below this time can be claimed. */
  readonly replayFloorMs: number;
  /** At or above the stamp of every frame that was accepted. */
  readonly replayMarkMs: number;
  /** Frames stamped up to this time may have been accepted and forgotten in a loss of power. */
  readonly replayBlindUntilMs: number;
}

/** Stands in a backup where a store has the boot that it was last open in. */
const COPY = "copy";

/** Stamps further ahead of the clock than this are refused by whoever asks, in milliseconds. */
export const MAX_AHEAD_MS = 60_000;

/** A {@link StoreState} with what opening the store found out. */
export interface EnteredState extends StoreState {
  /** True if the latest nonces may be gone: the store was not closed, and the kernel is not known to be the same since. */
  readonly lostPower: boolean;
  /** True if this is a backup, which knows no nonce that was accepted after it was made. */
  readonly isCopy: boolean;
}

/** Reads the state of a store that was just opened and notes, durably, that it is open and what it may have forgotten. */
export function enterStore(db: DatabaseSync, bootId: string | undefined, nowMs: number): EnteredState {
  const left = db.prepare("SELECT boot_id AS bootId, closed_cleanly AS closedCleanly FROM store_state").get();
  const isCopy = left?.bootId === COPY;
  const lostPower = !isCopy && left?.closedCleanly === 0 && (bootId === undefined || bootId !== left.bootId);
  const state = db
    .prepare(
      `UPDATE store_state SET boot_id = :bootId, closed_cleanly = 0,
         replay_blind_until_ms =
           max(replay_blind_until_ms, iif(:lostPower, replay_mark_ms, 0), iif(:isCopy, :acceptedUntilMs, 0))
       RETURNING page_key AS pageKey, replay_floor_ms AS replayFloorMs, replay_mark_ms AS replayMarkMs,
         replay_blind_until_ms AS replayBlindUntilMs`,
    )
    .get({
      bootId: bootId ?? null,
      lostPower: lostPower ? 1 : 0,
      isCopy: isCopy ? 1 : 0,
      acceptedUntilMs: nowMs + MAX_AHEAD_MS,
    }) as unknown as StoreState;
  return { ...state, lostPower, isCopy };
}

/** Notes in a backup that it is one. */
export function markAsCopy(db: DatabaseSync): void {
  db.prepare("UPDATE store_state SET boot_id = ?, closed_cleanly = 0").run(COPY);
}

/** Notes that the store is closed; with `synchronous = FULL` everything committed before it is then on the disk. */
export function leaveStore(db: DatabaseSync): void {
  db.exec("UPDATE store_state SET closed_cleanly = 1; PRAGMA wal_checkpoint(TRUNCATE)");
}
