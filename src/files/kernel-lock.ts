import { chmodSync, chownSync, closeSync, openSync, statSync } from "node:fs";
import { openDatabase, sqliteCode } from "../runtime/node-sqlite.ts";

const SQLITE_BUSY = 5;
const OWNER_ONLY = 0o600;

/**
 * Locks the file at `path`, which is created if missing, until the result is disposed. Returns `undefined` if another
 * process, or this one, holds the lock. The lock is an exclusive transaction on an empty SQLite database, so that the
 * kernel releases it when the process ends in any way. The file is never removed: otherwise one process could hold the
 * lock of the old file while another holds that of a new one. `owner`: the user whom a new file belongs to, if this process
 * is root.
 */
export function tryKernelLock(path: string, owner?: number): Disposable | undefined {
  createOnce(path, owner);
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
function createOnce(path: string, owner: number | undefined): void {
  try {
    closeSync(openSync(path, "ax", OWNER_ONLY));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const status = statSync(path);
    if (status.isFile() && (status.mode & 0o777) !== OWNER_ONLY) chmodSync(path, OWNER_ONLY);
  }
  if (owner !== undefined && process.geteuid?.() === 0 && statSync(path).uid !== owner) chownSync(path, owner, -1);
}
