import { SealwireError } from "../errors.ts";
import { holdsPassword, isPostgresUrl } from "../jobs/postgres/connection.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The URL of a shared store, from the command line, SEALWIRE_STORE or, last, the configuration; `undefined` for the
 * store in the data folder. Throws OPTIONS_INVALID for anything but a PostgreSQL URL, and for a password on the command
 * line, where every user of the machine could read it.
 */
export function namedStore(option: string | undefined, env: Terminal["env"], configured?: string): string | undefined {
  const store = option ?? env.SEALWIRE_STORE ?? configured;
  if (store === undefined || store === "") return undefined;
  if (!isPostgresUrl(store)) {
    const toDo = "Give postgres://USER@HOST/DATABASE, or --data DIR for a store in a folder.";
    throw new SealwireError("OPTIONS_INVALID", `The store is not a PostgreSQL URL.\n${toDo}`);
  }
  if (option !== undefined && holdsPassword(option)) {
    const toDo = "Put the URL into SEALWIRE_STORE or the configuration, or the password into PGPASSWORD or ~/.pgpass.";
    throw new SealwireError("OPTIONS_INVALID", `A password on the command line can be read by others.\n${toDo}`);
  }
  return store;
}
