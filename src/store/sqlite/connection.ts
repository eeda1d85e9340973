import { chmodSync, closeSync, openSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import { openDatabase } from "./node-sqlite.ts";
import { fileError } from "./open-error.ts";
import { sqliteCode } from "./storage-error.ts";

const SQLITE_NOTADB = 26;
const OWNER_ONLY = 0o600;

/** Names a database that lives in memory and is gone when it is closed; for tests. */
export const MEMORY_PATH = ":memory:";

/** Makes a file that only its owner can read; SQLite gives the files beside it (-wal, -shm) the same mode. */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, "a", OWNER_ONLY));
    chmodSync(path, OWNER_ONLY);
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/**
 * Opens the database. FULL: a commit is on the disk when it returns. NORMAL: a commit survives a crash of the
 * process, while a loss of power may take the latest ones. Throws STORE_INCOMPATIBLE for a file that is no database.
 */
export function openConnection(path: string, synchronous: "FULL" | "NORMAL"): DatabaseSync {
  const db = openDatabase(path);
  try {
    db.exec("PRAGMA busy_timeout = 250");
    const mode = db.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
    if (path !== MEMORY_PATH && mode !== "wal") {
      throw new SealwireError(
        "OPTIONS_INVALID",
        `The file system of "${path}" takes no write-ahead log; use a local disk.`,
      );
    }
    // Nonces fall all over their table. With 8,000 pages (32 MiB) to a checkpoint instead of 1,000, most of the pages that
    // it writes have changed several times: a claim costs a third less time of the processor and half the writing.
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
