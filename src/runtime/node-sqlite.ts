import type { DatabaseSync, DatabaseSyncOptions } from "node:sqlite";

/**
 * Opens a database. node:sqlite is loaded on first use: Node 22 prints a warning for it, which client programs should
 * not see, and older Node versions do not have the module, so that a static import would fail before the version check.
 */
export function openDatabase(path: string, options: DatabaseSyncOptions = {}): DatabaseSync {
  const sqlite = process.getBuiltinModule("node:sqlite");
  return new sqlite.DatabaseSync(path, options);
}

/** The primary SQLite result code of a thrown value; `undefined` if SQLite did not throw it. */
export function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown) || typeof thrown.errcode !== "number") return undefined;
  return thrown.errcode & 0xff;
}
