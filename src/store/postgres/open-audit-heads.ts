import { systemClock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { AuditHeadReader } from "../audit-heads.ts";
import { PostgresAuditHeads } from "./audit-heads.ts";
import { connect, startError } from "./connection/connect.ts";
import { readTarget } from "./connection/connection.ts";
import { checkSchema } from "./schema.ts";

/** Connects to a shared store to read the heads of audit chains. Throws the errors of `openPostgresStore`. */
export async function openPostgresAuditHeads({
  url,
  logger,
}: {
  readonly url: string;
  readonly logger: Logger;
}): Promise<AuditHeadReader> {
  const target = readTarget(url);
  const database = await connect(target, { connectionsMax: 1, logger });
  try {
    await checkSchema(database, target);
    const heads = new PostgresAuditHeads(database, systemClock);
    return {
      read: (chainId) =>
        heads.read(chainId).catch((thrown: unknown) => {
          throw startError(thrown, target.shown);
        }),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  } catch (thrown) {
    await database[Symbol.asyncDispose]();
    throw startError(thrown, target.shown);
  }
}
