import { SealwireError } from "../../../errors.ts";
import type { Logger } from "../../../runtime/logger.ts";
import { checkNumber } from "../../../runtime/number-range.ts";
import type { Database } from "../database.ts";
import { sqlPlannedAnew } from "../statement.ts";
import { type ConnectionTarget, showHost } from "./connection.ts";
import { CONNECTION_LIMITS } from "./connection-limits.ts";
import { permanentFault } from "./permanent-fault.ts";
import { checkPooler } from "./pooler.ts";

const DEFAULT_CONNECTIONS_MAX = 10;

/**
 * Connects to a database and checks that it answers and keeps sessions. Throws OPTIONS_INVALID or STORE_INCOMPATIBLE
 * for a permanent fault, UNAVAILABLE for a temporary one. The message describes the fault.
 */
export async function connect(
  target: ConnectionTarget,
  { connectionsMax = DEFAULT_CONNECTIONS_MAX, logger }: { readonly connectionsMax?: number; readonly logger: Logger },
): Promise<Database> {
  checkNumber("connectionsMax", connectionsMax, CONNECTION_LIMITS);
  if (target.plaintext.length > 0) {
    logger.warn(
      { hosts: target.plaintext.map(showHost) },
      "the connection to the database is not encrypted: set sslmode=verify-full, or sslmode=disable if this is intended",
    );
  }
  // Loads the driver only when a database is used.
  const { Database } = await import("../database.ts");
  const database = new Database({ target, connectionsMax, logger });
  try {
    await database.all(sqlPlannedAnew("SELECT 1"));
    if (database.isPooled) await checkPooler(database, target);
    return database;
  } catch (thrown) {
    await database[Symbol.asyncDispose]();
    throw startError(thrown, target.shown);
  }
}

/** The error of a failed start: a permanent fault with its own reason, any other database fault as UNAVAILABLE. */
export function startError(thrown: unknown, shown: string): unknown {
  if (thrown instanceof SealwireError && thrown.reason !== "UNAVAILABLE") return thrown;
  const cause = (thrown as Error).cause ?? thrown;
  if (cause instanceof SealwireError) return cause;
  const permanent = permanentFault(cause, shown);
  if (permanent !== undefined) return permanent;
  if (!(thrown instanceof SealwireError)) return thrown;
  const said = (cause as Error).message || (cause as NodeJS.ErrnoException).code;
  return new SealwireError("UNAVAILABLE", `The database ${shown} cannot be used: ${said}.`, { cause });
}
