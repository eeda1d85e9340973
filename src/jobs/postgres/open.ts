import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { compareLayout, type LayoutCheck, type Migration } from "../layout.ts";
import { connect, startError } from "./connect.ts";
import { readTarget } from "./connection.ts";
import { Hints } from "./hints.ts";
import { Instance } from "./instance.ts";
import { PostgresStore } from "./postgres-store.ts";
import { checkSchema, migrateSchema, readSchemaVersion, SCHEMA_VERSION } from "./schema.ts";
import type { SharedStore } from "./shared-store.ts";
import { sql } from "./statement.ts";

const READ_PAGE_KEY = sql("SELECT page_key FROM store_state");

/** Options of {@link openPostgresStore}. */
export interface OpenPostgresStoreOptions {
  /** `postgres://USER@HOST:PORT/DATABASE?schema=NAME`; what it leaves out comes from PGHOST, PGPASSWORD and the like. */
  readonly url: string;
  /** Most connections to the database, beside one for notifications. Default 10. */
  readonly connectionsMax?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/**
 * Opens a store that any number of processes share. Jobs that a dead process left running are queued again within
 * seconds, or fail with WORKER_LOST if no attempt is left. Throws OPTIONS_INVALID, STORE_INCOMPATIBLE for a database
 * without this version's tables, UNAVAILABLE if it cannot be reached.
 */
export async function openPostgresStore(options: OpenPostgresStoreOptions): Promise<SharedStore> {
  const { clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const target = readTarget(options.url);
  const database = await connect(target, { ...options, logger });
  const undo: AsyncDisposable[] = [database];
  try {
    await checkSchema(database, target);
    const instance = await Instance.enter(database, random.uuid(), clock);
    undo.unshift(instance);
    const hints = new Hints({ database, schema: target.schema, instanceId: instance.id, clock, logger });
    undo.unshift(hints);
    await hints.open();
    const [state] = await database.all<{ page_key: Uint8Array }>(READ_PAGE_KEY);
    if (state === undefined) throw new Error("the store has no state");
    const { schema } = target;
    const store = new PostgresStore({
      database,
      schema,
      instance,
      hints,
      pageKey: state.page_key,
      clock,
      random,
      logger,
    });
    undo.splice(0, undo.length, store);
    await store.repair();
    return store;
  } catch (thrown) {
    for (const opened of undo) await opened[Symbol.asyncDispose]();
    throw startError(thrown, target.shown);
  }
}

/** Options of {@link migratePostgresStore}. */
export interface MigratePostgresStoreOptions {
  /** As for {@link openPostgresStore}; the user must be allowed to create tables. */
  readonly url: string;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** Looks which layout a shared store has. Throws OPTIONS_INVALID, UNAVAILABLE if the database cannot be reached. */
export async function checkPostgresLayout(options: MigratePostgresStoreOptions): Promise<LayoutCheck> {
  const { logger = silentLogger } = options;
  await using database = await connect(readTarget(options.url), { connectionsMax: 1, logger });
  const layout = await readSchemaVersion(database, readTarget(options.url).schema);
  const stored = { layout, minReader: layout };
  return { stored, own: SCHEMA_VERSION, state: compareLayout(stored, SCHEMA_VERSION) };
}

/**
 * Makes or upgrades the tables of a shared store, in one transaction; a second call changes nothing. Throws
 * OPTIONS_INVALID, STORE_INCOMPATIBLE for a newer layout, UNAVAILABLE if the database cannot be reached.
 */
export async function migratePostgresStore(options: MigratePostgresStoreOptions): Promise<Migration> {
  const { random = systemRandom, logger = silentLogger } = options;
  const target = readTarget(options.url);
  await using database = await connect(target, { connectionsMax: 1, logger });
  try {
    return { from: await migrateSchema(database, { ...target, random }), to: SCHEMA_VERSION };
  } catch (thrown) {
    throw startError(thrown, target.shown);
  }
}
