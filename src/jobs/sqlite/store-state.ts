import type { DatabaseSync } from "node:sqlite";

/** What a store remembers about itself between processes. */
export interface StoreState {
  /** The key that page tokens are encrypted with. */
  readonly pageKey: Uint8Array;
  /** No nonce that expires at or below this time can be claimed, Unix milliseconds. */
  readonly replayFloorMs: number;
  /** At or above the stamp of every frame that was accepted, Unix milliseconds. */
  readonly replayMarkMs: number;
  /** True if the latest nonces may be gone: the store was not closed, and the kernel is not known to be the same since. */
  readonly lostPower: boolean;
}

/** Reads the state of a store that was just opened and notes, durably, that it is open. */
export function enterStore(db: DatabaseSync, bootId: string | undefined): StoreState {
  const row = db
    .prepare(
      `SELECT page_key AS pageKey, replay_floor_ms AS replayFloorMs, replay_mark_ms AS replayMarkMs,
              boot_id AS bootId, closed_cleanly AS closedCleanly
       FROM store_state`,
    )
    .get() as {
    pageKey: Uint8Array;
    replayFloorMs: number;
    replayMarkMs: number;
    bootId: string | null;
    closedCleanly: number;
  };
  const { pageKey, replayFloorMs, replayMarkMs } = row;
  const lostPower = row.closedCleanly === 0 && (bootId === undefined || bootId !== row.bootId);
  db.prepare("UPDATE store_state SET boot_id = ?, closed_cleanly = 0").run(bootId ?? null);
  return { pageKey, replayFloorMs, replayMarkMs, lostPower };
}

/** Notes that the store is closed; with `synchronous = FULL` everything committed before it is then on the disk. */
export function leaveStore(db: DatabaseSync): void {
  db.exec("UPDATE store_state SET closed_cleanly = 1; PRAGMA wal_checkpoint(TRUNCATE)");
}
