import { existsSync, realpathSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/logger.ts";
import { openDatabase } from "../../runtime/node-sqlite.ts";
import { openSqliteStore } from "./open.ts";
import { noStore, openError } from "./open-error.ts";
import { lockOwner } from "./owner-lock.ts";

/**
 * Changes a store that no server uses, in one transaction, after it was migrated to the layout of this version. Throws
 * OPTIONS_INVALID if there is none, STORE_IN_USE, STORE_INCOMPATIBLE, STORE_UNUSABLE.
 */
export async function changeClosedStore<T>(path: string, clock: Clock, change: (db: DatabaseSync) => T): Promise<T> {
  if (!existsSync(path)) throw noStore(path);
  // Migrates the layout and checkpoints the write-ahead log.
  await (await openSqliteStore({ path, clock, logger: silentLogger }))[Symbol.asyncDispose]();
  using _lock = lockOwner(realpathSync(path));
  try {
    using db = openDatabase(path);
    db.exec("BEGIN IMMEDIATE");
    const changed = change(db);
    db.exec("COMMIT");
    return changed;
  } catch (thrown) {
    throw openError(path, thrown);
  }
}
