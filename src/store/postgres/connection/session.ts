import type { Client } from "pg";
import { SealwireError } from "../../../errors.ts";
import { type ConnectionTarget, showHost, type TargetHost } from "./connection.ts";

const ENCODING = "UTF8";
const SET = "SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS setting (name, value)";
const LOOK = `
  SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS "readOnly",
    current_setting('server_encoding') AS encoding, pg_backend_pid() AS pid,
    ARRAY(SELECT current_setting(name) FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place) ORDER BY place)
      AS settings`;

/** Properties of a new connection. */
interface Found {
  readonly standby: boolean;
  readonly readOnly: boolean;
  readonly encoding: string;
  readonly pid: number;
  readonly settings: readonly string[];
}

/** The fix for a pooler that does not keep sessions. */
export const SESSION_MODE = "Set pool_mode = session for this database in the pooler, or connect past it.";

/**
 * Sets the session settings of a new connection and checks that they persist. Returns true if the connection leads
 * through a pooler. Throws an Error for a server that accepts no writes, which is skipped, and STORE_INCOMPATIBLE for a
 * database that cannot hold a store.
 */
export async function prepareSession(client: Client, target: ConnectionTarget, host: TargetHost): Promise<boolean> {
  const names = Object.keys(target.settings);
  const values = Object.values(target.settings);
  await client.query(SET, [names, values]);
  const { rows } = await client.query<Found>(LOOK, [names]);
  const [found] = rows;
  if (found === undefined) throw new Error("the database returned no session settings");
  if (found.standby) throw new Error(`${showHost(host)} is a standby, which accepts no writes`);
  if (target.needsWritable && found.readOnly) throw new Error(`${showHost(host)} is read-only`);
  if (found.encoding !== ENCODING) {
    const what = `The database ${target.shown} has the encoding ${found.encoding}; a store needs ${ENCODING}.`;
    throw new SealwireError("STORE_INCOMPATIBLE", `${what}\nCreate one with CREATE DATABASE … ENCODING 'UTF8'.`);
  }
  const lost = names.find((_, index) => found.settings[index] !== values[index]);
  if (lost !== undefined) {
    const what = `The setting ${lost} of a session does not persist: a pooler in transaction mode is in front of ${target.shown}.`;
    throw new SealwireError("STORE_INCOMPATIBLE", `${what}\n${SESSION_MODE}`);
  }
  return found.pid !== backendPid(client);
}

/** The process id that the server sent when the connection was opened. A pooler sends an id of its own. */
function backendPid(client: Client): number | null {
  return (client as unknown as { readonly processID: number | null }).processID;
}
