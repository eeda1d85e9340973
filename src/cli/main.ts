#!/usr/bin/env node
import { CommanderError } from "commander";
import { holdProcess } from "../runtime/hold-process.ts";
import { ExitCode } from "./exit-code.ts";
import { reportFailure } from "./failure.ts";
import { createProgram } from "./program.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

const terminal = processTerminal();
const exitCode = await main(terminal, process.argv);
// Data may still be on its way into a slow pipe.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(exitCode);

async function main(terminal: Terminal, argv: readonly string[]): Promise<ExitCode> {
  using _ = holdProcess();
  let exitCode: ExitCode = ExitCode.done;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return reportUsage(terminal, thrown);
    // An error that nobody explained has a stack worth more than its message.
    return reportFailure(terminal, thrown);
  }
}

function reportUsage(terminal: Terminal, { exitCode, code, message }: CommanderError): ExitCode {
  if (exitCode === 0) return ExitCode.done;
  const what =
    code === "commander.help" ? "a command is missing" : message.replace(/^error: /, "").replaceAll("\n", " ");
  terminal.say(`${terminal.colors.red("error:")} ${what}`);
  terminal.say(`${terminal.colors.dim("  try:")} sealwire --help, or --help after the command`);
  return ExitCode.usage;
}
