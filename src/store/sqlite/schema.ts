import type { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import { compareLayout, minReaderAfter, type StoredLayout } from "../layout.ts";
import { MIGRATIONS, type MigrationContext } from "./migrations.ts";

/** The layout of this version, stored as SQLite's `user_version`. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The first layout that stores its `minReader`. */
const FIRST_WITH_MIN_READER = 2;

/** Options of {@link prepareSchema}. */
export interface SchemaOptions extends MigrationContext {
  /** Name of the file in messages. */
  readonly path: string;
  readonly logger: Logger;
}

/** Reads the layout of a database. Throws STORE_INCOMPATIBLE for a database of other software. */
export function readLayout(db: DatabaseSync, path: string): StoredLayout {
  const layout = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => name);
  if (layout > 0 ? !tables.includes("store_state") : tables.length > 0) {
    throw new SealwireError(
      "STORE_INCOMPATIBLE",
      `"${path}" is a database of other software; move it away or name another file.`,
    );
  }
  if (layout < FIRST_WITH_MIN_READER) return { layout, minReader: layout };
  const state = db.prepare("SELECT min_reader AS minReader FROM store_state").get();
  return { layout, minReader: Number(state?.minReader) };
}

/**
 * Creates the tables in an empty database, or migrates an older layout, in one transaction. Throws STORE_INCOMPATIBLE.
 */
export function prepareSchema(db: DatabaseSync, { path, logger, ...context }: SchemaOptions): void {
  const stored = readLayout(db, path);
  const state = compareLayout(stored, SCHEMA_VERSION);
  if (state === "incompatible") throw tooNew(path, stored);
  if (state !== "due") return;
  const steps = MIGRATIONS.slice(stored.layout);
  const minReader = minReaderAfter(stored, steps);
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const step of steps) step.apply(db, context);
    db.prepare("UPDATE store_state SET min_reader = ?").run(minReader);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    db.exec("COMMIT");
  } catch (thrown) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw thrown;
  }
  if (stored.layout > 0) {
    const step = { from: stored.layout, to: SCHEMA_VERSION };
    const older =
      minReader > stored.layout ? "older software can no longer" : `software of layout ${minReader} can still`;
    logger.info(step, `the store was migrated to this version's layout; ${older} use it`);
  }
}

function tooNew(path: string, { layout, minReader }: StoredLayout): SealwireError {
  return new SealwireError(
    "STORE_INCOMPATIBLE",
    `The store "${path}" has layout ${layout}, which software of layout ${minReader} reads; this sealwire makes ` +
      `layout ${SCHEMA_VERSION}: use the newer sealwire that wrote it, or another data folder.`,
  );
}
