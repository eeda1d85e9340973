import { existsSync } from "node:fs";
import { compareLayout, type LayoutCheck, type Migration } from "../layout.ts";
import { openDatabase } from "./node-sqlite.ts";
import { type OpenSqliteStoreOptions, openSqliteStore } from "./open.ts";
import { noStore, openError } from "./open-error.ts";
import { readLayout, SCHEMA_VERSION } from "./schema.ts";

/** Looks which layout an embedded store has, also while a server uses it. Throws OPTIONS_INVALID, STORE_INCOMPATIBLE. */
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
 * Brings an embedded store that no server uses to this version's layout, as the next start of a server would. Throws what
 * {@link openSqliteStore} throws.
 */
export async function migrateSqliteStore(options: OpenSqliteStoreOptions): Promise<Migration> {
  const { stored } = await checkSqliteLayout(options);
  await using _store = await openSqliteStore(options);
  return { from: stored.layout, to: Math.max(stored.layout, SCHEMA_VERSION) };
}
