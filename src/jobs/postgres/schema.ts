import { SealwireError } from "../../errors.ts";
import type { Random } from "../../runtime/random.ts";
import { PAGE_KEY_BYTES } from "../page-token.ts";
import type { Database } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";
import { sql, sqlPlannedAnew } from "./statement.ts";

const READ_VERSION = sql("SELECT version FROM store_version");
const LOCK = sql("SELECT pg_advisory_xact_lock(hashtext('sealwire migrate ' || :schema))");
const WRITE_VERSION = sql("UPDATE store_version SET version = :version");
const WRITE_PAGE_KEY = sql("UPDATE store_state SET page_key = :pageKey WHERE page_key IS NULL");

/** The layout that this version reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The layout in the database; 0 if there is none. */
export async function readSchemaVersion(database: Database, schema: string): Promise<number> {
  // With the name of the schema a user who may not use it is told so; without, the table would seem not to be there.
  const [found] = await database.all<{ there: boolean }>(
    sqlPlannedAnew("SELECT to_regclass(:table) IS NOT NULL AS there"),
    {
      table: `${schema}.store_version`,
    },
  );
  if (!found?.there) return 0;
  const [row] = await database.all<{ version: number }>(READ_VERSION);
  return row?.version ?? 0;
}

/** Throws STORE_INCOMPATIBLE, with what to do, unless the layout is this version's. */
export async function checkSchema(
  database: Database,
  { schema, shown }: { readonly schema: string; readonly shown: string },
): Promise<void> {
  const version = await readSchemaVersion(database, schema);
  if (version !== SCHEMA_VERSION) throw otherVersion(shown, version);
}

/**
 * Brings the database to this version's layout, in one transaction. Gives the layout it had before. Throws
 * STORE_INCOMPATIBLE for a newer one.
 */
export async function migrateSchema(
  database: Database,
  { schema, shown, random }: { readonly schema: string; readonly shown: string; readonly random: Random },
): Promise<number> {
  const pageKey = Buffer.from(random.bytes(PAGE_KEY_BYTES));
  return database.transaction(async (queries) => {
    await queries.all(LOCK, { schema });
    await queries.all(sql(`CREATE SCHEMA IF NOT EXISTS ${schema}`));
    await queries.all(sql("CREATE TABLE IF NOT EXISTS store_version (version integer NOT NULL)"));
    await queries.all(sql("INSERT INTO store_version SELECT 0 WHERE NOT EXISTS (SELECT FROM store_version)"));
    const [row] = await queries.all<{ version: number }>(READ_VERSION);
    const before = row?.version ?? 0;
    if (before > SCHEMA_VERSION) throw otherVersion(shown, before);
    for (const migration of MIGRATIONS.slice(before)) {
      for (const statement of migration) await queries.all(sql(statement));
    }
    await queries.all(WRITE_PAGE_KEY, { pageKey });
    await queries.all(WRITE_VERSION, { version: SCHEMA_VERSION });
    return before;
  });
}

function otherVersion(shown: string, version: number): SealwireError {
  const found =
    version === 0 ? "has no Sealwire tables" : `has layout ${version}, this sealwire uses ${SCHEMA_VERSION}`;
  const toDo =
    version > SCHEMA_VERSION
      ? "Run the newer sealwire that migrated it."
      : "Run `sealwire store migrate` with the same store, then start again.";
  return new SealwireError("STORE_INCOMPATIBLE", `The database ${shown} ${found}.\n${toDo}`);
}
