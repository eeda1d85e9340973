import { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import { createPrivateFile } from "./connection.ts";
import { isDamage, sqliteCode } from "./storage-error.ts";

const SQLITE_BUSY = 5;

/**
 * Makes this process the only owner of the store at `path` until the lock is disposed. The lock is an exclusive
 * transaction on a small database beside it, so the kernel frees it however the process ends. It is a file of its
 * own because the store itself is opened by two connections. Throws STORE_IN_USE.
 */
export function lockOwner(path: string): Disposable {
  const lockPath = `${path}.lock`;
  createPrivateFile(lockPath);
  const db = new DatabaseSync(lockPath);
  try {
    db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (thrown) {
    db.close();
    if (isDamage(thrown)) {
      throw new SealwireError(
        "STORE_UNUSABLE",
        `"${lockPath}" is not a lock of sealwire.\nMove it away; it is made anew.`,
        {
          cause: thrown,
        },
      );
    }
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
