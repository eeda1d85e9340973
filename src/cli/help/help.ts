import { type Command, Help, type HelpConfiguration } from "commander";
import { commandTree } from "./command-tree.ts";
import { EXAMPLES } from "./examples.ts";

/** The group of the options that say how to reach a server; comes last. */
export const CONNECTION_OPTIONS = "Connection options:";
/** The group of the options that say where a server keeps its data. */
export const STORE_OPTIONS = "Store and key ring options:";
/** The group of the options that say where a server listens. */
export const LISTENING_OPTIONS = "Listening options:";

/** The groups with headings of their own, in the order in which they stand behind the other options. */
const LAST_GROUPS: readonly string[] = [LISTENING_OPTIONS, STORE_OPTIONS, CONNECTION_OPTIONS];

/** Puts examples before the help of every command and the groups of its options in order. */
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
