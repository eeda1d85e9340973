import { accessSync, closeSync, constants, existsSync, fchmodSync, openSync, readSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import { openDatabase, sqliteCode } from "../../runtime/node-sqlite.ts";
import { fileError } from "./open-error.ts";

const SQLITE_NOTADB = 26;
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
/** The first bytes of every database that is not empty. */
const MAGIC = Buffer.from("SQLite format 3\0");

/** Path of a database in memory, which is deleted when it is closed; for tests. */
export const MEMORY_PATH = ":memory:";

/**
 * Creates the file, if it is missing, so that only its owner can read it. Does not open an existing one: closing it would
 * release the locks of a store that this process has open there (POSIX), and the next process that reads the database would
 * remove its log.
 */
export function createDatabaseFile(path: string): void {
  try {
    if (!existsSync(path)) closeSync(openSync(path, "a", OWNER_ONLY));
    if (!statSync(path).isFile()) throw new Error("it is no regular file");
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/**
 * Takes the access of others to an existing database away; another file keeps its mode. SQLite creates the -wal and -shm
 * files with the mode of the database. Only for the owner of the store, see {@link createDatabaseFile}.
 */
export function makePrivate(path: string): void {
  if ((statSync(path).mode & OTHERS) === 0) return;
  const file = openSync(path, "r");
  try {
    const start = Buffer.alloc(MAGIC.length);
    const length = readSync(file, start);
    if (length === 0 || start.equals(MAGIC)) fchmodSync(file, OWNER_ONLY);
  } catch (cause) {
    throw fileError(path, cause);
  } finally {
    closeSync(file);
  }
}

/**
 * Opens the database. FULL: a commit is on disk when it returns. NORMAL: a commit survives a crash of the process; a
 * power loss may lose the latest commits. Throws STORE_INCOMPATIBLE for a file that is not a database.
 */
export function openConnection(path: string, synchronous: "FULL" | "NORMAL"): DatabaseSync {
  const db = openDatabase(path);
  try {
    db.exec("PRAGMA busy_timeout = 250");
    const mode = db.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
    if (path !== MEMORY_PATH && mode !== "wal") {
      throw new SealwireError(
        "OPTIONS_INVALID",
        `The file system of "${path}" does not support a write-ahead log; use a local disk.`,
      );
    }
    // Checkpoints after 8,000 pages (32 MiB) instead of 1,000. Most pages that a checkpoint writes have then changed
    // several times, because nonces are spread over their table. A claim takes a third less CPU time and half the disk
    // writes.
    db.exec(`
      PRAGMA synchronous = ${synchronous};
      PRAGMA fullfsync = ON;
      PRAGMA checkpoint_fullfsync = ON;
      PRAGMA journal_size_limit = 67108864;
      PRAGMA wal_autocheckpoint = 8000;
      PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY;
    `);
    return db;
  } catch (thrown) {
    db.close();
    if (sqliteCode(thrown) !== SQLITE_NOTADB) throw thrown;
    throw new SealwireError(
      "STORE_INCOMPATIBLE",
      `"${path}" is not a SQLite database; move it away or name another file.`,
      {
        cause: thrown,
      },
    );
  }
}
