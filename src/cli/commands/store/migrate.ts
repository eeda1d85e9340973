import type { LayoutCheck, Migration } from "../../../jobs/layout.ts";
import { checkSqliteLayout, migrateSqliteStore } from "../../../jobs/sqlite/migrate.ts";
import { dataFolder } from "../../data-folder.ts";
import { ExitCode } from "../../exit-code.ts";
import { stderrLogger } from "../../log.ts";
import { namedStore } from "../../store-option.ts";
import type { Terminal } from "../../terminal.ts";

/** What the command line says. */
export interface MigrateOptions {
  readonly store?: string;
  readonly data?: string;
  readonly check?: boolean;
}

/** Makes or upgrades the tables of a store, or only tells whether that is due. */
export async function run(terminal: Terminal, options: MigrateOptions): Promise<ExitCode> {
  const store = await openForMigration(options, terminal.env);
  if (options.check) return report(terminal, await store.check());
  const { from, to } = await store.migrate();
  terminal.say(from >= to ? `The store has layout ${from} already.` : `The store went from layout ${from} to ${to}.`);
  return ExitCode.done;
}

interface Migratable {
  check(): Promise<LayoutCheck>;
  migrate(): Promise<Migration>;
}

/** The data folder, where it is named, counts more than a shared store that only the environment names. */
async function openForMigration({ store, data }: MigrateOptions, env: Terminal["env"]): Promise<Migratable> {
  const url = data !== undefined && store === undefined ? undefined : namedStore(store, env);
  if (url === undefined) {
    const { store: path } = dataFolder(data);
    return { check: () => checkSqliteLayout({ path }), migrate: () => migrateSqliteStore({ path }) };
  }
  const { checkPostgresLayout, migratePostgresStore } = await import("../../../jobs/postgres/open.ts");
  const logger = stderrLogger("warn");
  return {
    check: () => checkPostgresLayout({ url, logger }),
    migrate: () => migratePostgresStore({ url, logger }),
  };
}

function report(terminal: Terminal, { stored: { layout, minReader }, own, state }: LayoutCheck): ExitCode {
  switch (state) {
    case "current":
      terminal.say(`The store has layout ${layout}, as this sealwire makes it.`);
      return ExitCode.done;
    case "newer":
      terminal.say(`The store has layout ${layout}; this sealwire makes ${own} and can use it.`);
      return ExitCode.done;
    case "due":
      terminal.say(`A migration is due: the store has layout ${layout}, this sealwire makes ${own}.`);
      return ExitCode.failed;
    case "incompatible":
      terminal.say(
        `The store has layout ${layout}, which needs a sealwire of layout ${minReader}; this one makes ${own}.`,
      );
      return ExitCode.store;
  }
}
