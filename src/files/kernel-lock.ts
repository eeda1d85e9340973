import { chmodSync, closeSync, openSync } from "node:fs";
import { openDatabase, sqliteCode } from "../runtime/node-sqlite.ts";

const SQLITE_BUSY = 5;
const OWNER_ONLY = 0o600;

/**
 * Locks the file at `path`, which is created if missing, until the result is disposed. Returns `undefined` if another
 * process, or this one, holds the lock. The lock is an exclusive transaction on an empty SQLite database, so that the
 * kernel releases it when the process ends in any way. The file is never removed: otherwise one process could hold the
 * lock of the old file while another holds that of a new one.
 */
export function tryKernelLock(path: string): Disposable | undefined {
  createOnce(path);
  const db = openDatabase(path);
  try {
    db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (thrown) {
    db.close();
    if (sqliteCode(thrown) !== SQLITE_BUSY) throw thrown;
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      if (db.isOpen) db.close();
    },
  };
}

/** Does not open an existing file, because closing it would release a lock that this process may hold on it (POSIX). */
function createOnce(path: string): void {
  try {
    closeSync(openSync(path, "ax", OWNER_ONLY));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    chmodSync(path, OWNER_ONLY);
  }
}
