import type { ExitCode } from "./output/exit-code.ts";
import type { Terminal } from "./output/terminal.ts";

/** A command's module. It is loaded when the command runs, so that `--help` and `--version` start quickly. */
export interface CommandModule<A extends unknown[]> {
  run(terminal: Terminal, ...args: A): Promise<ExitCode>;
}

/** Makes the action of a command from its module. */
export type RunCommand = <A extends unknown[]>(load: () => Promise<CommandModule<A>>) => (...args: A) => Promise<void>;
