import type { AheadBound } from "../../layout.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

const LOCK = sql("SELECT pg_advisory_xact_lock(:lock, 0)");
// The last time at which a frame that may have been accepted until now could be accepted again.
const ACCEPTED_UNTIL_NOW = "store_now_ms() + max_ahead_ms + max_age_ms";
const DISTRUST = sql(`UPDATE store_state SET replay_floor_ms = greatest(replay_floor_ms, ${ACCEPTED_UNTIL_NOW})`);
const REPAIR = sql(`
  WITH before AS (SELECT replay_floor_ms, max_age_ms FROM store_state FOR UPDATE), after AS (
    UPDATE store_state SET replay_floor_ms = least(replay_floor_ms, ${ACCEPTED_UNTIL_NOW}) RETURNING replay_floor_ms
  )
  SELECT before.replay_floor_ms - max_age_ms AS "beforeMs", after.replay_floor_ms - max_age_ms AS "afterMs" FROM before, after`);
const READ_AGE = sql("SELECT max_age_ms FROM store_state FOR UPDATE");
// A floor of 0 means that there is none.
const WIDEN = sql(`
  UPDATE store_state SET
    replay_floor_ms = CASE replay_floor_ms WHEN 0 THEN 0
      ELSE replay_floor_ms + greatest(:maxAge::bigint - max_age_ms, 0) END,
    max_age_ms = greatest(max_age_ms, :maxAge), max_ahead_ms = greatest(max_ahead_ms, :maxAhead)
  WHERE max_age_ms < :maxAge OR max_ahead_ms < :maxAhead`);
// A process notes the origin when it first connects, before its first claim.
const READ_AHEAD = sql(`
  SELECT max_ahead_ms AS ahead, origin IS NULL AND replay_floor_ms = 0 AND NOT EXISTS (SELECT FROM nonce) AS unused
  FROM store_state FOR UPDATE`);
const NARROW = sql(`
  UPDATE store_state SET max_ahead_ms = :maxAhead RETURNING replay_floor_ms - max_age_ms AS "refusedUntilMs"`);
const KEEP_LONGER = sql("UPDATE nonce SET expires_at_ms = expires_at_ms + :longer");

/** Blocks claims of nonces until the end of the transaction. Waits for running claims. */
export async function holdClaims(queries: Queries, lock: number): Promise<void> {
  await queries.all(LOCK, { lock });
}

/** Refuses every frame that may have been accepted until now. Claims must be blocked. */
export async function distrustFrames(queries: Queries): Promise<void> {
  await queries.all(DISTRUST);
}

/**
 * Lowers a floor that is in the future. Frames that may already have been accepted remain refused. Claims must be
 * blocked.
 */
export async function repairFloor(queries: Queries): Promise<{ readonly beforeMs: number; readonly afterMs: number }> {
  const [repaired] = await queries.all<{ beforeMs: number; afterMs: number }>(REPAIR);
  if (repaired === undefined) throw new Error("the store has no state");
  return repaired;
}

/** Widens the window and extends the expiry of stored nonces accordingly. Claims must be blocked. */
export async function widenWindow(queries: Queries, maxAge: number, maxAhead: number): Promise<void> {
  const [state] = await queries.all<{ max_age_ms: number }>(READ_AGE);
  const longer = maxAge - (state?.max_age_ms ?? maxAge);
  if (longer > 0) await queries.all(KEEP_LONGER, { longer });
  await queries.all(WIDEN, { maxAge, maxAhead });
}

/**
 * Narrows how far ahead an accepted frame can be. What was accepted by the wider bound is refused from now on, because a
 * loss of nonces after this moment would be judged by the narrower one. Claims must be blocked, and no server with a
 * larger limit may use the store.
 */
export async function narrowWindow(queries: Queries, maxAhead: number): Promise<AheadBound> {
  const [state] = await queries.all<{ ahead: number; unused: boolean }>(READ_AHEAD);
  if (state === undefined) throw new Error("the store has no state");
  const { ahead, unused } = state;
  if (ahead <= maxAhead) return { beforeMs: ahead, afterMs: ahead };
  if (!unused) await distrustFrames(queries);
  const [narrowed] = await queries.all<{ refusedUntilMs: number }>(NARROW, { maxAhead });
  return { beforeMs: ahead, afterMs: maxAhead, ...(!unused && narrowed) };
}
