import { SealwireError } from "../../errors.ts";
import { PAGE_KEY_BYTES } from "../../jobs/page-token.ts";
import type { Random } from "../../runtime/random.ts";
import { compareLayout, minReaderAfter, type StoredLayout } from "../layout.ts";
import type { Database } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";
import type { Queries } from "./queries.ts";
import { sql, sqlPlannedAnew } from "./statement.ts";

// The schema-qualified name gives a permission error for a user without access to the schema. An unqualified name would
// appear to be missing.
const FIND_LAYOUT = sqlPlannedAnew("SELECT to_regclass(:table) IS NOT NULL AS there");
// Layout 1 has no column min_reader.
const READ_LAYOUT = sqlPlannedAnew(`
  SELECT version AS layout, coalesce((to_jsonb(store_version) ->> 'min_reader')::integer, version) AS "minReader"
  FROM store_version`);
const LOCK = sql("SELECT pg_advisory_xact_lock(hashtext('sealwire migrate ' || :schema))");
const FIND_SCHEMA = sqlPlannedAnew("SELECT FROM pg_namespace WHERE nspname = :schema");
const WRITE_LAYOUT = sqlPlannedAnew("UPDATE store_version SET version = :layout, min_reader = :minReader");
const WRITE_PAGE_KEY = sql("UPDATE store_state SET page_key = :pageKey WHERE page_key IS NULL");

/** The layout of this version. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The schema of a store and its database. */
export interface StorePlace {
  readonly schema: string;
  /** The database's name for messages. */
  readonly shown: string;
}

/** Reads the layout in the database; 0 if there is none. */
export async function readLayout(queries: Queries, schema: string): Promise<StoredLayout> {
  const [found] = await queries.all<{ there: boolean }>(FIND_LAYOUT, { table: `${schema}.store_version` });
  const [row] = found?.there ? await queries.all<StoredLayout>(READ_LAYOUT) : [];
  return row ?? { layout: 0, minReader: 0 };
}

/** Throws STORE_INCOMPATIBLE, with the fix, unless this version can use the layout. */
export async function checkSchema(database: Database, { schema, shown }: StorePlace): Promise<void> {
  const stored = await readLayout(database, schema);
  const state = compareLayout(stored, SCHEMA_VERSION);
  if (state === "due" || state === "incompatible") throw otherLayout(shown, stored);
}

/**
 * Migrates the database to this version's layout in one transaction. Returns the layouts before and after. A newer
 * layout that this version can use is unchanged. Throws STORE_INCOMPATIBLE for one that it cannot use.
 */
export async function migrateSchema(
  database: Database,
  { schema, shown, random }: StorePlace & { readonly random: Random },
): Promise<{ readonly from: number; readonly to: number }> {
  const pageKey = Buffer.from(random.bytes(PAGE_KEY_BYTES));
  return database.transaction(async (queries) => {
    await queries.all(LOCK, { schema });
    // The owner of the schema may have no privilege to create one.
    const [there] = await queries.all(FIND_SCHEMA, { schema });
    if (there === undefined) await queries.all(sqlPlannedAnew(`CREATE SCHEMA ${schema}`));
    await queries.all(sqlPlannedAnew("CREATE TABLE IF NOT EXISTS store_version (version integer NOT NULL)"));
    await queries.all(
      sqlPlannedAnew("INSERT INTO store_version SELECT 0 WHERE NOT EXISTS (SELECT FROM store_version)"),
    );
    const stored = await readLayout(queries, schema);
    const state = compareLayout(stored, SCHEMA_VERSION);
    if (state === "incompatible") throw otherLayout(shown, stored);
    if (state !== "due") return { from: stored.layout, to: stored.layout };
    const steps = MIGRATIONS.slice(stored.layout);
    for (const statement of steps.flatMap(({ statements }) => statements)) await queries.all(sqlPlannedAnew(statement));
    await queries.all(WRITE_PAGE_KEY, { pageKey });
    await queries.all(WRITE_LAYOUT, { layout: SCHEMA_VERSION, minReader: minReaderAfter(stored, steps) });
    return { from: stored.layout, to: SCHEMA_VERSION };
  });
}

/** The error for a store that this version cannot use. */
export function otherLayout(shown: string, { layout }: StoredLayout): SealwireError {
  const found = layout === 0 ? "has no Sealwire tables" : `has layout ${layout}, this sealwire uses ${SCHEMA_VERSION}`;
  const toDo =
    layout > SCHEMA_VERSION
      ? "Run the newer sealwire that migrated it."
      : "Run `sealwire store migrate` with the same store, then start again.";
  return new SealwireError("STORE_INCOMPATIBLE", `The database ${shown} ${found}.\n${toDo}`);
}
