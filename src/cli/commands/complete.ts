import type { Command } from "commander";
import { complete } from "../help/completion.ts";
import { ExitCode } from "../output/exit-code.ts";
import type { Terminal } from "../output/terminal.ts";

/** Prints the completions of the last word, for the scripts of {@link completionScript}. */
export async function run(terminal: Terminal, program: Command, words: readonly string[]): Promise<ExitCode> {
  const completion = complete(program, words);
  const lines =
    typeof completion === "string"
      ? [`:${completion}`]
      : completion.map(({ value, description }) => `${value}\t${description}`);
  // Written unescaped, because the tab is part of the format.
  terminal.write(Buffer.from(lines.map((line) => `${line}\n`).join("")));
  return ExitCode.done;
}
