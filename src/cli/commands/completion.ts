import { completionScript, type Shell } from "../completion-scripts.ts";
import { ExitCode } from "../exit-code.ts";
import type { Terminal } from "../terminal.ts";

/** Prints the script that makes a shell complete command lines. */
export async function run(terminal: Terminal, shell: Shell): Promise<ExitCode> {
  terminal.write(Buffer.from(completionScript(shell)));
  return ExitCode.done;
}
