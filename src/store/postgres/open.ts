import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { lockSpace } from "./advisory-locks.ts";
import { connect, startError } from "./connection/connect.ts";
import { readTarget } from "./connection/connection.ts";
import { Instance } from "./instance.ts";
import { Notifications } from "./notifications.ts";
import { originCheck } from "./origin.ts";
import { PostgresStore } from "./postgres-store.ts";
import { checkSchema } from "./schema.ts";
import type { SharedStore } from "./shared-store.ts";
import { sql } from "./statement.ts";
import { checkSyncReplication } from "./sync-replication.ts";

const READ_STATE = sql('SELECT page_key AS "pageKey", store_id AS "storeId" FROM store_state');

interface State {
  readonly pageKey: Uint8Array;
  readonly storeId: string;
}

/** Options of {@link openPostgresStore}. */
export interface OpenPostgresStoreOptions {
  /**
   * `postgres://USER@HOST:PORT/DATABASE?schema=NAME`. Missing parts come from PGHOST, PGPASSWORD and similar variables.
   */
  readonly url: string;
  /** Maximum number of connections to the database, besides one for notifications, 1 to 1,000. Default 10. */
  readonly connectionsMax?: number;
  /** Refuses a database that does not replicate synchronously. Default false. */
  readonly requireSyncReplication?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/**
 * Opens a store that any number of processes can share. Running jobs of a dead process are queued again within seconds,
 * or fail with WORKER_LOST if no attempt is left. Throws OPTIONS_INVALID, STORE_INCOMPATIBLE for a database without
 * this version's tables, STORE_UNUSABLE without the required replication, and UNAVAILABLE if the database cannot be
 * reached.
 *
 * @example
 * ```ts
 * await using store = await openPostgresStore({ url: "postgres://sealwire@127.0.0.1/sealwire", connectionsMax: 20 });
 * await using server = await createServer({ keyRing, store, tools });
 * ```
 */
export async function openPostgresStore(options: OpenPostgresStoreOptions): Promise<SharedStore> {
  const { clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const target = readTarget(options.url);
  const database = await connect(target, { ...options, logger });
  const undo: AsyncDisposable[] = [database];
  try {
    await checkSchema(database, target);
    const nonceLock = lockSpace(target.schema, "nonces");
    let instance: Instance | undefined;
    const checkOrigin = originCheck({ nonceLock, lastLease: () => instance?.lastLease, logger });
    database.enterBy(async (client) => {
      if (options.requireSyncReplication) await checkSyncReplication(client, target.shown);
      await checkOrigin(client);
    });
    instance = await Instance.enter(database, random.uuid(), clock);
    undo.unshift(instance);
    const notifications = new Notifications({
      database,
      schema: target.schema,
      instanceId: instance.id,
      clock,
      logger,
    });
    undo.unshift(notifications);
    await notifications.open();
    const [state] = await database.all<State>(READ_STATE);
    if (state === undefined) throw new Error("the store has no state");
    const { pageKey, storeId } = state;
    const parts = { database, place: target, instance, notifications, pageKey, storeId, checkOrigin };
    const store = new PostgresStore({ ...parts, clock, random, logger });
    undo.splice(0, undo.length, store);
    await store.look();
    await store.repair();
    return store;
  } catch (thrown) {
    for (const opened of undo) await opened[Symbol.asyncDispose]();
    throw startError(thrown, target.shown);
  }
}

export { checkPostgresLayout, migratePostgresStore, narrowPostgresAhead, repairPostgresClock } from "./manage.ts";
