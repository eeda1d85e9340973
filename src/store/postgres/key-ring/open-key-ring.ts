import { type Logger, silentLogger } from "../../../runtime/logger.ts";
import { connect, startError } from "../connection/connect.ts";
import { readTarget } from "../connection/connection.ts";
import type { Database } from "../database.ts";
import { checkSchema } from "../schema.ts";
import { type KeyRingDatabase, KeyRingTable } from "./key-ring-table.ts";

/** Opens only the key ring of a shared store, for whoever manages keys. Opening and using it throw as `openPostgresStore` does. */
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

/** Whoever manages keys is told what keeps the database away; callers of a server are not. */
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
