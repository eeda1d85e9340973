import { type Command, Help, type HelpConfiguration } from "commander";
import { commandTree } from "./command-tree.ts";
import { EXAMPLES } from "./examples.ts";

/** Group of the options for connecting to a server; shown last. */
export const CONNECTION_OPTIONS = "Connection options:";
/** Group of the options for the location of a server's data. */
export const STORE_OPTIONS = "Store and key ring options:";
/** Group of the options for a server's listening address. */
export const LISTENING_OPTIONS = "Listening options:";
/** Group of the options for the web console. */
export const CONSOLE_OPTIONS = "Console options:";

/** The option groups with headings, in the order in which they follow the other options. */
const LAST_GROUPS: readonly string[] = [LISTENING_OPTIONS, CONSOLE_OPTIONS, STORE_OPTIONS, CONNECTION_OPTIONS];

/** Adds examples to the help of every command and orders its option groups. */
export function arrangeHelp(program: Command): void {
  const help = new Help();
  const configuration: HelpConfiguration = {
    minWidthToWrap: 20,
    groupItems(unsorted, visible, getGroup) {
      const groups = [...help.groupItems(unsorted, visible, getGroup)];
      groups.sort(([one], [other]) => LAST_GROUPS.indexOf(one) - LAST_GROUPS.indexOf(other));
      return new Map(groups);
    },
  };
  for (const { path, command } of commandTree(program)) {
    command.configureHelp(configuration);
    const examples = EXAMPLES[path] ?? [];
    if (examples.length > 0) command.addHelpText("before", `${["Examples:", ...examples.map(indent)].join("\n")}\n`);
  }
}

function indent(line: string): string {
  return `  ${line}`;
}
