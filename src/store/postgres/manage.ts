import { SealwireError } from "../../errors.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { type AheadBound, type ClockRepair, compareLayout, type LayoutCheck, type Migration } from "../layout.ts";
import type { InstanceRecord } from "../operator-view.ts";
import { lockSpace } from "./advisory-locks.ts";
import { connect, startError } from "./connection/connect.ts";
import { type ConnectionTarget, readTarget } from "./connection/connection.ts";
import type { Database } from "./database.ts";
import { readInstances } from "./instance.ts";
import { holdClaims, narrowWindow, repairFloor } from "./replay/replay-floor.ts";
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

/**
 * Narrows how far ahead of a server's clock a frame can have been accepted. Workers may run. Frames that were accepted
 * by the wider bound are refused until their time has passed. Throws STORE_IN_USE while a server runs, and the errors of
 * `openPostgresStore`.
 */
export function narrowPostgresAhead(options: ManageOptions & { readonly maxAheadMs: number }): Promise<AheadBound> {
  return managing(options, async (database, target) => {
    await checkSchema(database, target);
    return database.transaction(async (queries) => {
      await holdClaims(queries, lockSpace(target.schema, "nonces"));
      const servers = (await readInstances(queries)).filter(({ role }) => role !== "worker");
      if (servers.length > 0) throw serversRun(servers, target.shown);
      return narrowWindow(queries, options.maxAheadMs);
    });
  });
}

function serversRun(servers: readonly InstanceRecord[], shown: string): SealwireError {
  const names = servers.map(({ id, address }) => (address === "" ? id : `${id} at ${address}`)).join(", ");
  const what = `Servers use the database ${shown}: ${names}.`;
  const toDo = "Stop all servers first. One that was killed counts for 10 s more. Workers may run.";
  return new SealwireError("STORE_IN_USE", `${what}\n${toDo}`);
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
