import { SealwireError } from "../../../errors.ts";
import { ExitCode } from "../../exit-code.ts";
import { openLog } from "../../log.ts";
import { namedStore } from "../../store-option.ts";
import type { Terminal } from "../../terminal.ts";

/** Makes or upgrades the tables of a shared store. */
export async function run(terminal: Terminal, options: { readonly store?: string }): Promise<ExitCode> {
  const url = namedStore(options.store, terminal.env);
  if (url === undefined) {
    const toDo = "Give --store postgres://USER@HOST/DATABASE, or set SEALWIRE_STORE.";
    throw new SealwireError("OPTIONS_INVALID", `Only a store in a database is migrated.\n${toDo}`);
  }
  const { migratePostgresStore } = await import("../../../jobs/postgres/open.ts");
  await using log = openLog("warn");
  const { from, to } = await migratePostgresStore({ url, logger: log.logger });
  terminal.say(from === to ? `The store has layout ${to} already.` : `The store went from layout ${from} to ${to}.`);
  return ExitCode.done;
}
