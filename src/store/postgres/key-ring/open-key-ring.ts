import { type Logger, silentLogger } from "../../../runtime/logger.ts";
import { connect, startError } from "../connection/connect.ts";
import { readTarget } from "../connection/connection.ts";
import type { Database } from "../database.ts";
import { checkSchema } from "../schema.ts";
import { type KeyRingDatabase, KeyRingTable } from "./key-ring-table.ts";

/**
 * Opens only the key ring of a shared store, to manage keys. Opening and using it throw the errors of
 * `openPostgresStore`.
 */
export async function openKeyRingTable({
  url,
  logger = silentLogger,
}: {
  readonly url: string;
  readonly logger?: Logger;
}): Promise<KeyRingTable> {
  const target = readTarget(url);
  const database = await connect(target, { connectionsMax: 1, logger });
  try {
    await checkSchema(database, target);
    return new KeyRingTable(explaining(database, target.shown), target.schema);
  } catch (thrown) {
    await database[Symbol.asyncDispose]();
    throw startError(thrown, target.shown);
  }
}

/** Adds the cause to UNAVAILABLE errors. Operators who manage keys need it; callers of a server do not receive it. */
function explaining(database: Database, shown: string): KeyRingDatabase {
  const explain = (thrown: unknown): never => {
    throw startError(thrown, shown);
  };
  return {
    all: <Row>(...given: Parameters<Database["all"]>) => database.all<Row>(...given).catch(explain),
    transaction: (work) => database.transaction(work).catch(explain),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
