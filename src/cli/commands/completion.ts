import { completionScript, type Shell } from "../help/completion-scripts.ts";
import { ExitCode } from "../output/exit-code.ts";
import type { Terminal } from "../output/terminal.ts";

/** Prints the completion script of a shell. */
export async function run(terminal: Terminal, shell: Shell): Promise<ExitCode> {
  terminal.write(Buffer.from(completionScript(shell)));
  return ExitCode.done;
}
