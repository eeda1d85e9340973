import type { Argument, Command, Option } from "commander";
import { append, collect } from "../input/option-values.ts";

/** The completions of a word: candidates, or names of files or folders. */
export type Completion = readonly Candidate[] | "files" | "folders";

/** A completion with its description. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** Returns the completions of the last of the words after the program's name. Calls no server and reads no file. */
export function complete(program: Command, words: readonly string[]): Completion {
  const current = words.at(-1) ?? "";
  const at = findPosition(program, words.slice(0, -1));
  const completion = candidatesAt(at, current);
  return typeof completion === "string" ? completion : completion.filter(({ value }) => value.startsWith(current));
}

/** The position of a word in a command line. */
interface WordPosition {
  readonly command: Command;
  /** Set if the word is the value of an option. */
  readonly option: Option | undefined;
  /** Number of arguments of the command before the word. */
  readonly position: number;
  /** The options before the word. */
  readonly given: ReadonlySet<Option>;
  /** True if the word follows `--`. */
  readonly plain: boolean;
}

function findPosition(program: Command, words: readonly string[]): WordPosition {
  let command = program;
  let option: Option | undefined;
  let position = 0;
  let plain = false;
  const given = new Set<Option>();
  for (const word of words) {
    if (option !== undefined) option = undefined;
    else if (!plain && word === "--") plain = true;
    else if (!plain && word.startsWith("-") && word !== "-") {
      const found = optionOf(command, word);
      if (found === undefined) continue;
      given.add(found);
      if (takesValue(found) && !word.includes("=")) option = found;
    } else {
      const next = position === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (next !== undefined) command = next;
      else if (!(word === "help" && command.commands.length > 0)) position += 1;
    }
  }
  return { command, option, position, given, plain };
}

function optionOf(command: Command, word: string): Option | undefined {
  const name = word.split("=", 1)[0];
  return command.options.find(({ long, short }) => long === name || short === name);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function candidatesAt(at: WordPosition, current: string): Completion {
  const { command, option, position, plain } = at;
  if (option !== undefined) return valuesOf(option, current);
  if (!plain && current.startsWith("--") && current.includes("=")) {
    const name = `${current.split("=", 1)[0]}=`;
    const assigned = optionOf(command, current);
    const values = assigned === undefined ? [] : valuesOf(assigned, current.slice(name.length));
    return typeof values === "string" ? values : values.map((each) => ({ ...each, value: name + each.value }));
  }
  if (!plain && current.startsWith("-")) return optionsOf(at);
  if (command.commands.length > 0) return position > 0 ? [] : commandsOf(command);
  const argument = command.registeredArguments[position];
  return argument === undefined ? optionsOf(at) : valuesOf(argument, current);
}

/** The commands that are not hidden. */
function commandsOf(command: Command): Candidate[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.map((each) => ({ value: each.name(), description: each.description() }));
}

function optionsOf({ command, given }: WordPosition): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !given.has(option) || isRepeatable(option))
    .map(({ long, flags, description }) => ({ value: long ?? flags, description }));
}

function isRepeatable({ parseArg }: Option): boolean {
  return parseArg === collect || parseArg === append;
}

function valuesOf(taker: Option | Argument, current: string): Completion {
  const { argChoices, description, parseArg } = taker;
  if (argChoices !== undefined) {
    // One word may contain several values, separated by commas.
    const before = parseArg === collect ? current.slice(0, current.lastIndexOf(",") + 1) : "";
    return argChoices.map((choice) => ({ value: before + choice, description }));
  }
  const name = "flags" in taker ? /<(\w+)>/.exec(taker.flags)?.[1] : taker.name();
  if (name === "file" || name === "module") return "files";
  return name === "dir" ? "folders" : [];
}
