import type { Command } from "commander";
import { complete } from "../help/completion.ts";
import { ExitCode } from "../output/exit-code.ts";
import type { Terminal } from "../output/terminal.ts";

/** Prints what the last of some words may become, for the scripts in {@link completionScript}. */
export async function run(terminal: Terminal, program: Command, words: readonly string[]): Promise<ExitCode> {
  const completion = complete(program, words);
  const lines =
    typeof completion === "string"
      ? [`:${completion}`]
      : completion.map(({ value, description }) => `${value}\t${description}`);
  // Written as it is: the tab is part of the answer.
  terminal.write(Buffer.from(lines.map((line) => `${line}\n`).join("")));
  return ExitCode.done;
}
