import type { DatabaseSync, DatabaseSyncOptions } from "node:sqlite";

/**
 * Opens a database. The module is loaded only now: Node 22 warns of it, which programs that only call have nothing to do
 * with, and an older Node has no such module, so that nothing of this package would load there to say what is missing.
 */
export function openDatabase(path: string, options: DatabaseSyncOptions = {}): DatabaseSync {
  const sqlite = process.getBuiltinModule("node:sqlite");
  return new sqlite.DatabaseSync(path, options);
}
