import type { DatabaseSync } from "node:sqlite";
import type { NonceClaim } from "../store.ts";

/** The operations on nonces of one connection. */
export interface Nonces {
  /** True if the nonce was not there. */
  insert(claim: NonceClaim): boolean;
  count(): number;
  /** True if a nonce has expired; a cheap read. */
  due(nowMs: number): boolean;
  /** Removes up to `limit` expired nonces and raises the floor to the latest of them, in the same transaction. */
  remove(limit: number, nowMs: number): { readonly removed: number; readonly floorMs: number };
}

/** Prepares the operations on nonces. */
export function prepareNonces(db: DatabaseSync): Nonces {
  const insert = db.prepare("INSERT INTO nonce VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  const count = db.prepare("SELECT count(*) AS nonces FROM nonce");
  const due = db.prepare("SELECT 1 FROM nonce WHERE expires_at_ms <= ? LIMIT 1");
  const expired = db.prepare(
    "SELECT client_id AS clientId, nonce, expires_at_ms AS expiresAtMs FROM nonce WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?",
  );
  const remove = db.prepare("DELETE FROM nonce WHERE client_id = ? AND nonce = ?");
  const raiseFloor = db.prepare(
    "UPDATE store_state SET replay_floor_ms = max(replay_floor_ms, ?) RETURNING replay_floor_ms AS floorMs",
  );

  return {
    // A stamp may be any int64; what expires later than a number can say is kept as long as one can.
    insert: ({ clientId, nonce, expiresAtMs }) =>
      insert.run(clientId, nonce, Math.min(expiresAtMs, Number.MAX_SAFE_INTEGER)).changes === 1,
    count: () => Number(count.get()?.nonces),
    due: (nowMs) => due.get(nowMs) !== undefined,
    remove(limit, nowMs) {
      const rows = expired.all(nowMs, limit) as unknown as {
        clientId: string;
        nonce: Uint8Array;
        expiresAtMs: number;
      }[];
      for (const row of rows) remove.run(row.clientId, row.nonce);
      const floor = raiseFloor.get(rows.at(-1)?.expiresAtMs ?? 0);
      return { removed: rows.length, floorMs: Number(floor?.floorMs) };
    },
  };
}
