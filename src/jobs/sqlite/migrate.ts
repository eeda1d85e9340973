import type { LayoutCheck, Migration } from "../layout.ts";

/** Which store. */
export interface SqliteStorePath {
  /** The database file. */
  readonly path: string;
}

/** Looks which layout an embedded store has. */
export async function checkSqliteLayout({ path }: SqliteStorePath): Promise<LayoutCheck> {
  throw new Error(path);
}

/** Upgrades an embedded store that no server uses. */
export async function migrateSqliteStore({ path }: SqliteStorePath): Promise<Migration> {
  throw new Error(path);
}
