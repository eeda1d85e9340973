import { SealwireError } from "../../errors.ts";
import { createPrivateFile } from "./connection.ts";
import { openDatabase } from "./node-sqlite.ts";
import { sqliteCode } from "./storage-error.ts";

const SQLITE_BUSY = 5;

/**
 * Makes this process the only owner of the store at `path` until the lock is disposed. The lock is an exclusive
 * transaction on a small database beside it, so the kernel frees it however the process ends. It is a file of its
 * own because the store itself is opened by two connections. Throws STORE_IN_USE.
 */
export function lockOwner(path: string): Disposable {
  const lockPath = `${path}.lock`;
  createPrivateFile(lockPath);
  const db = openDatabase(lockPath);
  try {
    db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (thrown) {
    db.close();
    if (sqliteCode(thrown) !== SQLITE_BUSY) throw thrown;
    throw new SealwireError(
      "STORE_IN_USE",
      `Another process owns the store "${path}"; stop that server or use another data folder.`,
      { cause: thrown },
    );
  }
  return {
    [Symbol.dispose]() {
      if (db.isOpen) db.close();
    },
  };
}
