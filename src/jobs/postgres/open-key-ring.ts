import { type Logger, silentLogger } from "../../runtime/logger.ts";
import { connect, startError } from "./connect.ts";
import { readTarget } from "./connection.ts";
import { KeyRingTable } from "./key-ring-table.ts";
import { checkSchema } from "./schema.ts";

/** Opens only the key ring of a shared store, for whoever manages keys. Throws as `openPostgresStore` does. */
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
    return new KeyRingTable(database, target.schema);
  } catch (thrown) {
    await database[Symbol.asyncDispose]();
    throw startError(thrown, target.shown);
  }
}
