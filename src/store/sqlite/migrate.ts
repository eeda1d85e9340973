import { existsSync } from "node:fs";
import { openDatabase } from "../../runtime/node-sqlite.ts";
import { compareLayout, type LayoutCheck, type Migration } from "../layout.ts";
import { type OpenSqliteStoreOptions, openSqliteStore } from "./open.ts";
import { noStore, openError } from "./open-error.ts";
import { readLayout, SCHEMA_VERSION } from "./schema.ts";

/** Reads the layout of an embedded store. A server may use the store. Throws OPTIONS_INVALID, STORE_INCOMPATIBLE. */
export async function checkSqliteLayout({ path }: Pick<OpenSqliteStoreOptions, "path">): Promise<LayoutCheck> {
  if (!existsSync(path)) throw noStore(path);
  try {
    using db = openDatabase(path, { readOnly: true });
    const stored = readLayout(db, path);
    return { stored, own: SCHEMA_VERSION, state: compareLayout(stored, SCHEMA_VERSION) };
  } catch (thrown) {
    throw openError(path, thrown);
  }
}

/**
 * Migrates an embedded store to this version's layout, as the start of a server does. No server may use the store.
 * Throws the errors of {@link openSqliteStore}.
 */
export async function migrateSqliteStore(options: OpenSqliteStoreOptions): Promise<Migration> {
  const { stored } = await checkSqliteLayout(options);
  await using _store = await openSqliteStore(options);
  return { from: stored.layout, to: Math.max(stored.layout, SCHEMA_VERSION) };
}
