import { storeClosed, storeUnavailable } from "../../jobs/unavailable.ts";
import { sqliteCode } from "../../runtime/node-sqlite.ts";

/**
 * Primary result codes (https://sqlite.org/rescode.html) of environment faults, not of faulty statements: PERM, BUSY,
 * LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOLFS, NOTADB.
 */
const AWAY_CODES: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 22, 26]);

/** True if `thrown` means that the store is temporarily unavailable. */
export function isStoreAway(thrown: unknown): boolean {
  const code = sqliteCode(thrown);
  return code !== undefined && AWAY_CODES.has(code);
}

/** Primary result codes of a damaged database: CORRUPT, NOTADB. */
const DAMAGE_CODES: ReadonlySet<number | undefined> = new Set([11, 26]);

/** True if `thrown` means that the database is damaged, which is permanent. */
export function isDamage(thrown: unknown): boolean {
  return DAMAGE_CODES.has(sqliteCode(thrown));
}

/**
 * Converts errors of an unavailable or closed store to UNAVAILABLE with a retry delay. Returns other values unchanged.
 */
export function storageError(thrown: unknown): unknown {
  // The error of node:sqlite for a closed database.
  if (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_INVALID_STATE") return storeClosed();
  if (!isStoreAway(thrown)) return thrown;
  return storeUnavailable(thrown);
}

/** Runs a read. Converts SQLite's errors with {@link storageError}. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw storageError(thrown);
  }
}
