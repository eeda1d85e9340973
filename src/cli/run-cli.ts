import { type Command, CommanderError } from "commander";
import { holdProcess } from "../runtime/hold-process.ts";
import { ExitCode } from "./output/exit-code.ts";
import { reportFailure } from "./output/failure.ts";
import type { Terminal } from "./output/terminal.ts";
import { createProgram } from "./program.ts";

/** Runs one command line, without the program's name, and resolves to the exit code. Never rejects. */
export async function runCli(terminal: Terminal, args: readonly string[]): Promise<ExitCode> {
  using _ = holdProcess();
  let exitCode: ExitCode = ExitCode.done;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (thrown) {
    return thrown instanceof CommanderError
      ? reportUsage(terminal, thrown, helpFor(program, args))
      : reportFailure(terminal, thrown);
  }
}

/** The command line that shows the help of the intended command. */
function helpFor(program: Command, args: readonly string[]): string {
  let meant = program;
  const words = ["sealwire"];
  for (const word of args) {
    const next = meant.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    meant = next;
    words.push(word);
  }
  return [...words, "--help"].join(" ");
}

function reportUsage(terminal: Terminal, { exitCode, code, message }: CommanderError, help: string): ExitCode {
  if (exitCode === 0) return ExitCode.done;
  const what =
    code === "commander.help" ? "a command is missing" : message.replace(/^error: /, "").replaceAll("\n", " ");
  terminal.say(`${terminal.colors.red("error:")} ${what}`);
  terminal.say(`${terminal.colors.dim("  try:")} ${help}`);
  return ExitCode.usage;
}
