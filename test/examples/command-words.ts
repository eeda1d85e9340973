import type { Command } from "commander";
import { createProgram } from "../../src/cli/program.ts";
import { RecordingTerminal } from "../cli/cli-run.ts";

/** The words of a command line that the program does not know: commands that there are not, and options. */
export function unknownWords(words: readonly string[]): string[] {
  let command: Command = createProgram(new RecordingTerminal(), () => {});
  const unknown: string[] = [];
  for (const [index, word] of words.entries()) {
    const [option = ""] = word.split("=");
    if (!word.startsWith("-")) {
      const next = command.commands.find((each) => each.name() === word);
      if (next !== undefined) command = next;
      else if (command.commands.length > 0) return [...unknown, word];
      else if (index === 0) unknown.push(word);
    } else if (!command.options.some(({ long }) => long === option)) {
      unknown.push(option);
    }
  }
  return unknown;
}

/** Why the program does not take the options of a command line, with their values; `undefined` if it takes them. */
export function refusal(words: readonly string[]): string | undefined {
  let command: Command = createProgram(new RecordingTerminal(), () => {});
  const rest = [...words];
  for (let next = childNamed(command, rest[0]); next !== undefined; next = childNamed(command, rest[0])) {
    command = next;
    rest.shift();
  }
  try {
    const { unknown } = command.parseOptions(rest);
    return unknown.length === 0 ? undefined : `unknown option ${unknown.join(" ")}`;
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

function childNamed(command: Command, name: string | undefined): Command | undefined {
  return command.commands.find((each) => each.name() === name);
}
