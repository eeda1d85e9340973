import { backupSqliteStore } from "../../../jobs/sqlite/backup.ts";
import { dataFolder } from "../../data-folder.ts";
import { ExitCode } from "../../exit-code.ts";
import type { Terminal } from "../../terminal.ts";

/** Copies the store of a data folder, which a server may be using, into a new file. */
export async function run(terminal: Terminal, file: string, { data }: { readonly data?: string }): Promise<ExitCode> {
  const { store } = dataFolder(data);
  const bytes = await backupSqliteStore({ path: store, to: file });
  terminal.say(
    `${store} is copied to ${file}, ${bytes} bytes. It holds arguments and results: keep it as they ask for.`,
  );
  return ExitCode.done;
}
