import type { Logger } from "../../../runtime/logger.ts";
import type { LayoutCheck, Migration } from "../../../store/layout.ts";
import { checkSqliteLayout, migrateSqliteStore } from "../../../store/sqlite/migrate.ts";
import { findStore, type LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import { openLog } from "../../output/log.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Options of the command. */
export interface MigrateOptions extends Pick<LocationOptions, "config" | "data" | "store"> {
  readonly check?: boolean;
}

/** Creates or upgrades the tables of a store, or only checks whether a migration is due. */
export async function run(terminal: Terminal, options: MigrateOptions): Promise<ExitCode> {
  await using log = openLog("warn");
  const store = await openForMigration(options, terminal.env, log.logger);
  if (options.check) return report(terminal, await store.check());
  const { from, to } = await store.migrate();
  terminal.say(
    from >= to ? `The store has layout ${from} already.` : `The store was migrated from layout ${from} to ${to}.`,
  );
  return ExitCode.done;
}

interface Migratable {
  check(): Promise<LayoutCheck>;
  migrate(): Promise<Migration>;
}

async function openForMigration(options: MigrateOptions, env: Terminal["env"], logger: Logger): Promise<Migratable> {
  const store = await findStore(options, env);
  if (store.kind === "folder") {
    const { path } = store;
    return { check: () => checkSqliteLayout({ path }), migrate: () => migrateSqliteStore({ path }) };
  }
  const { url } = store;
  const { checkPostgresLayout, migratePostgresStore } = await import("../../../store/postgres/open.ts");
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
