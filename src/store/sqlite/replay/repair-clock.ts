import type { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import type { ClockRepair } from "../../layout.ts";
import { changeClosedStore } from "../closed-store.ts";
import { ForgottenStamps, prepareForgottenStamps } from "./forgotten-stamps.ts";

/** Options of {@link repairSqliteClock}. */
export interface RepairClockOptions {
  /** The database file. No server may use the store. */
  readonly path: string;
  readonly clock?: Clock;
}

/**
 * Lowers the times in a store that are in the future because the clock was ahead. Frames are then refused until the end
 * of the current window and accepted afterwards. Frames that were accepted while the clock was ahead may be accepted
 * again when their time comes. Throws OPTIONS_INVALID, STORE_IN_USE, STORE_INCOMPATIBLE, STORE_UNUSABLE.
 */
export function repairSqliteClock({ path, clock = systemClock }: RepairClockOptions): Promise<ClockRepair> {
  return changeClosedStore(path, clock, (db) => lower(db, Math.trunc(clock.nowMs())));
}

function lower(db: DatabaseSync, nowMs: number): ClockRepair {
  const state = db.prepare("SELECT replay_blind_until_ms AS blind, max_ahead_ms AS ahead FROM store_state").get();
  const latestMs = nowMs + Number(state?.ahead);
  const table = prepareForgottenStamps(db);
  const forgotten = table.read();
  const now = forgotten.find(nowMs);
  const beforeMs = Math.max(Number(state?.blind), now?.toMs ?? 0);
  if (beforeMs <= latestMs) return { beforeMs, afterMs: beforeMs };
  db.prepare("UPDATE store_state SET replay_blind_until_ms = ?").run(latestMs);
  const ranges = forgotten.ranges.map((range) =>
    range === now ? { ...range, toMs: Math.min(range.toMs, latestMs) } : range,
  );
  table.write(new ForgottenStamps(ranges));
  return { beforeMs, afterMs: latestMs };
}
