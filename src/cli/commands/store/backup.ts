import { SealwireError } from "../../../errors.ts";
import { backupSqliteStore } from "../../../store/sqlite/backup.ts";
import { findStore, type LocationOptions } from "../../input/location.ts";
import { ExitCode } from "../../output/exit-code.ts";
import type { Terminal } from "../../output/terminal.ts";

/** Options of the command. */
export type BackupCommandOptions = Pick<LocationOptions, "config" | "data">;

/** Copies the store of a data folder into a new file. A server may use the store. */
export async function run(terminal: Terminal, file: string, options: BackupCommandOptions): Promise<ExitCode> {
  const store = await findStore(options, terminal.env);
  if (store.kind === "shared") throw notCopied(store.source);
  const bytes = await backupSqliteStore({ path: store.path, to: file });
  terminal.say(
    `${store.path} is copied to ${file}, ${bytes} bytes. It contains arguments and results of jobs: protect it accordingly.`,
  );
  return ExitCode.done;
}

function notCopied(source: string): SealwireError {
  const what = `${source} names a store in a database, and \`store backup\` copies the one in a data folder.`;
  const toDo = "Back the database up with pg_dump, or give --data DIR for the store in a folder.";
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}
