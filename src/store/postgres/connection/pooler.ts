import type { Client } from "pg";
import { SealwireError } from "../../../errors.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { Disposables } from "../../../runtime/disposables.ts";
import type { Database } from "../database.ts";
import { databaseError } from "../database-error.ts";
import type { ConnectionTarget } from "./connection.ts";
import { SESSION_MODE } from "./session.ts";

const NAME = "sealwire probe";
const HEARD_WITHIN_MS = 5_000;

/**
 * Checks that a pooler keeps the session of a connection. In any other mode settings and LISTEN apply to a different
 * server connection, so that notifications are not received. Throws STORE_INCOMPATIBLE, and UNAVAILABLE if no
 * connection is available for the check.
 */
export async function checkPooler(database: Database, { schema, shown }: ConnectionTarget): Promise<void> {
  await using opened = new Disposables();
  const open = async (): Promise<Client> => {
    const client = await database.open(NAME);
    opened.use({ [Symbol.asyncDispose]: () => client.end().catch(() => {}) });
    return client;
  };
  try {
    const [listener, notifier] = [await open(), await open()];
    const pid = await pidOf(listener);
    const heard = new Promise<true>((resolve) => listener.once("notification", () => resolve(true)));
    const channel = `${schema}_probe_${pid}`;
    await listener.query(`LISTEN ${channel}`);
    // Two connections with the same session prove it. Different sessions do not prove the opposite.
    if ((await pidOf(notifier)) !== pid) {
      await notifier.query("SELECT pg_notify($1, '')", [channel]);
      if (await within(HEARD_WITHIN_MS, heard)) return;
    }
  } catch (thrown) {
    throw databaseError(thrown);
  }
  const what = `The pooler in front of the database ${shown} does not keep sessions: a notification was not received.`;
  throw new SealwireError("STORE_INCOMPATIBLE", `${what}\n${SESSION_MODE}`);
}

async function pidOf(client: Client): Promise<number | undefined> {
  return (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid;
}

/** Resolves to false if the event does not happen within the limit. */
async function within(limitMs: number, event: Promise<true>): Promise<boolean> {
  const timer = Promise.withResolvers<false>();
  using _ = systemClock.after(limitMs, () => timer.resolve(false));
  return await Promise.race([event, timer.promise]);
}
