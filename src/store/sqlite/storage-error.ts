import { storeClosed, storeUnavailable } from "../../jobs/unavailable.ts";

/**
 * Primary result codes (https://sqlite.org/rescode.html) that speak of the store's surroundings, not of a faulty
 * statement: PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOLFS, NOTADB.
 */
const AWAY_CODES: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 22, 26]);

/** The primary SQLite result code of a thrown value, `undefined` if SQLite did not throw it. */
export function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown) || typeof thrown.errcode !== "number") return undefined;
  return thrown.errcode & 0xff;
}

/** True if `thrown` means that the store cannot be read or written just now. */
export function isStoreAway(thrown: unknown): boolean {
  const code = sqliteCode(thrown);
  return code !== undefined && AWAY_CODES.has(code);
}

/** Primary result codes that say that the content of the database makes no sense: CORRUPT, NOTADB. */
const DAMAGE_CODES: ReadonlySet<number | undefined> = new Set([11, 26]);

/** True if `thrown` means that the database is damaged, which does not pass. */
export function isDamage(thrown: unknown): boolean {
  return DAMAGE_CODES.has(sqliteCode(thrown));
}

/** UNAVAILABLE with a delay if the store is away or closed; anything else as it is. */
export function storageError(thrown: unknown): unknown {
  // What node:sqlite throws once the database was closed.
  if (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_INVALID_STATE") return storeClosed();
  if (!isStoreAway(thrown)) return thrown;
  return storeUnavailable(thrown);
}

/** Runs a read, with SQLite's errors translated by {@link storageError}. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw storageError(thrown);
  }
}
