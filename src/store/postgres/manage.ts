import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { type ClockRepair, compareLayout, type LayoutCheck, type Migration } from "../layout.ts";
import { lockSpace } from "./advisory-locks.ts";
import { connect, startError } from "./connection/connect.ts";
import { type ConnectionTarget, readTarget } from "./connection/connection.ts";
import type { Database } from "./database.ts";
import { holdClaims, repairFloor } from "./replay/replay-floor.ts";
import { checkSchema, migrateSchema, readLayout, SCHEMA_VERSION } from "./schema.ts";

/** Options of the management of a shared store. */
export interface ManageOptions {
  /** As for {@link openPostgresStore}. To migrate, the user must own the schema or have the privilege to create it. */
  readonly url: string;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** Reads the layout of a shared store. Throws the errors of `openPostgresStore`. */
export function checkPostgresLayout(options: ManageOptions): Promise<LayoutCheck> {
  return managing(options, async (database, { schema }) => {
    const stored = await readLayout(database, schema);
    return { stored, own: SCHEMA_VERSION, state: compareLayout(stored, SCHEMA_VERSION) };
  });
}

/**
 * Creates or upgrades the tables of a shared store in one transaction. Idempotent. Servers whose software supports the
 * new layout may keep running. Throws the errors of `openPostgresStore`.
 *
 * @example
 * ```ts
 * const url = "postgres://sealwire@127.0.0.1/sealwire";
 * await migratePostgresStore({ url });
 * await using store = await openPostgresStore({ url });
 * ```
 */
export function migratePostgresStore(options: ManageOptions): Promise<Migration> {
  const { random = systemRandom } = options;
  return managing(options, (database, target) => migrateSchema(database, { ...target, random }));
}

/**
 * Lowers a replay floor that is in the future because the database's clock was ahead. Frames that may already have been
 * accepted remain refused. Throws the errors of `openPostgresStore`.
 */
export function repairPostgresClock(options: ManageOptions): Promise<ClockRepair> {
  return managing(options, async (database, target) => {
    await checkSchema(database, target);
    return database.transaction(async (queries) => {
      await holdClaims(queries, lockSpace(target.schema, "nonces"));
      return repairFloor(queries);
    });
  });
}

async function managing<T>(
  { url, logger = silentLogger }: ManageOptions,
  work: (database: Database, target: ConnectionTarget) => Promise<T>,
): Promise<T> {
  const target = readTarget(url);
  await using database = await connect(target, { connectionsMax: 1, logger });
  try {
    return await work(database, target);
  } catch (thrown) {
    throw startError(thrown, target.shown);
  }
}
