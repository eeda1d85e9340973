import type { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import type { AheadBound } from "../../layout.ts";
import { changeClosedStore } from "../closed-store.ts";

/** Options of {@link narrowSqliteAhead}. */
export interface NarrowAheadOptions {
  /** The database file. No server may use the store. */
  readonly path: string;
  readonly maxAheadMs: number;
  readonly clock?: Clock;
}

/**
 * Narrows how far ahead of the server's clock a frame can have been accepted. Frames that were accepted by the wider
 * bound are refused until their time has passed, because a loss of nonces after this moment is judged by the narrower
 * one. Throws OPTIONS_INVALID, STORE_IN_USE, STORE_INCOMPATIBLE, STORE_UNUSABLE.
 */
export function narrowSqliteAhead({ path, maxAheadMs, clock = systemClock }: NarrowAheadOptions): Promise<AheadBound> {
  return changeClosedStore(path, clock, (db) => narrow(db, maxAheadMs, Math.trunc(clock.nowMs())));
}

function narrow(db: DatabaseSync, maxAheadMs: number, nowMs: number): AheadBound {
  const beforeMs = Number(db.prepare("SELECT max_ahead_ms AS ahead FROM store_state").get()?.ahead);
  if (beforeMs <= maxAheadMs) return { beforeMs, afterMs: beforeMs };
  const state = db
    .prepare(
      `UPDATE store_state SET max_ahead_ms = ?, replay_blind_until_ms = max(replay_blind_until_ms, ?)
       RETURNING replay_blind_until_ms AS refusedUntilMs`,
    )
    .get(maxAheadMs, nowMs + beforeMs);
  return { beforeMs, afterMs: maxAheadMs, refusedUntilMs: Number(state?.refusedUntilMs) };
}
