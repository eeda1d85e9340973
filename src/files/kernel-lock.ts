import { chmodSync, closeSync, fchownSync, lchownSync, lstatSync, openSync } from "node:fs";
import { SealwireError } from "../errors.ts";
import { openDatabase, sqliteCode } from "../runtime/node-sqlite.ts";
import { shellQuote } from "./shell-quote.ts";

const SQLITE_BUSY = 5;
const OWNER_ONLY = 0o600;

/**
 * Locks the file at `path`, which is created if missing, until the result is disposed. Returns `undefined` if another
 * process, or this one, holds the lock. The lock is an exclusive transaction on an empty SQLite database, so that the
 * kernel releases it when the process ends in any way. The file is never removed: otherwise one process could hold the
 * lock of the old file while another holds that of a new one. `owner`: the user whom a new file belongs to, if this process
 * is root. Throws OPTIONS_INVALID for a link, and for what is no regular file.
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

/**
 * Does not open an existing file, because closing it would release a lock that this process may hold on it (POSIX). Whoever
 * may write the folder could lead the lock to a file of another user, whose owner and mode must not change.
 */
function createOnce(path: string, owner: number | undefined): void {
  const isRoot = process.geteuid?.() === 0;
  try {
    const file = openSync(path, "ax", OWNER_ONLY);
    if (owner !== undefined && isRoot) fchownSync(file, owner, -1);
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const status = lstatSync(path);
    if (!status.isFile() || status.nlink > 1) throw irregular(path);
    if ((status.mode & 0o777) !== OWNER_ONLY && status.uid === process.geteuid?.()) chmodSync(path, OWNER_ONLY);
    if (owner !== undefined && isRoot && status.uid !== owner) lchownSync(path, owner, -1);
  }
}

function irregular(path: string): SealwireError {
  const problem = `The lock ${path} cannot be taken: it is a link, or no regular file.`;
  return new SealwireError("OPTIONS_INVALID", `${problem}\nRemove it; a new one is made: rm ${shellQuote(path)}`);
}
