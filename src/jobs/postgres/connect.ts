import { SealwireError } from "../../errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import { checkNumber } from "../../runtime/number-range.ts";
import type { ConnectionTarget } from "./connection.ts";
import { CONNECTION_LIMITS } from "./connection-limits.ts";
import type { Database } from "./database.ts";
import { sql } from "./statement.ts";

const DEFAULT_CONNECTIONS_MAX = 10;

/** Connects to a database, and sees to it that it answers. Throws OPTIONS_INVALID, UNAVAILABLE saying what is wrong. */
export async function connect(
  target: ConnectionTarget,
  { connectionsMax = DEFAULT_CONNECTIONS_MAX, logger }: { readonly connectionsMax?: number; readonly logger: Logger },
): Promise<Database> {
  checkNumber("connectionsMax", connectionsMax, CONNECTION_LIMITS);
  // The driver is loaded by those who use it only.
  const { Database } = await import("./database.ts");
  const database = new Database({ connection: target.config, connectionsMax, logger });
  try {
    await database.all(sql("SELECT 1"));
    return database;
  } catch (thrown) {
    await database[Symbol.asyncDispose]();
    const cause = (thrown as Error).cause ?? thrown;
    throw new SealwireError(
      "UNAVAILABLE",
      `The database ${target.shown} cannot be used: ${(cause as Error).message || (cause as NodeJS.ErrnoException).code}.`,
      { cause },
    );
  }
}
