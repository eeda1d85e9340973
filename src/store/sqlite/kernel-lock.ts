import { chmodSync, closeSync, openSync } from "node:fs";
import { openDatabase } from "./node-sqlite.ts";
import { sqliteCode } from "./storage-error.ts";

const SQLITE_BUSY = 5;
const OWNER_ONLY = 0o600;

/**
 * Takes the lock file at `path`, which is made if there is none, until it is disposed; `undefined` if another process, or
 * this one, has it. It is an exclusive transaction on a database that stays empty, so the kernel frees it however the
 * process ends. The file is never removed: whoever waits for the old file would share the lock with the owner of a new one.
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

/** Does not open a file that is there: closing it would free the lock that this process may have on it (POSIX). */
function createOnce(path: string): void {
  try {
    closeSync(openSync(path, "ax", OWNER_ONLY));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    chmodSync(path, OWNER_ONLY);
  }
}
