import type { Command } from "commander";

/** A command of the program with its path. */
export interface PlacedCommand {
  /** For example "jobs list"; empty for the program itself. */
  readonly path: string;
  readonly command: Command;
}

/** The program and all its commands, including hidden ones. */
export function commandTree(program: Command): PlacedCommand[] {
  const below = (command: Command, path: string): PlacedCommand[] => [
    { path, command },
    ...command.commands.flatMap((each) => below(each, `${path} ${each.name()}`.trim())),
  ];
  return below(program, "");
}
