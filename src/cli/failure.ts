import { isWireReason, SealwireError } from "../errors.ts";
import { EXIT_CODES, ExitCode } from "./exit-code.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

/** Most violations that fit into one line for people. */
const VIOLATIONS_SHOWN = 3;

/** Tells people what went wrong in one line and what to do in another. Returns the exit code. */
export function reportFailure(terminal: Terminal, thrown: unknown): ExitCode {
  const { what, toDo, exitCode } = describe(thrown);
  const { colors } = terminal;
  terminal.say(`${colors.red("error:")} ${plainText(what)}`);
  terminal.say(`${colors.dim("  try:")} ${plainText(toDo)}`);
  if (terminal.env.SEALWIRE_DEBUG && thrown instanceof Error)
    for (const line of String(thrown.stack).split("\n")) terminal.say(`    ${plainText(line)}`);
  return exitCode;
}

interface Failure {
  readonly what: string;
  readonly toDo: string;
  readonly exitCode: ExitCode;
}

function describe(thrown: unknown): Failure {
  if (isSystemError(thrown)) {
    return { what: thrown.message, toDo: "Check the path, and what you may do there.", exitCode: ExitCode.usage };
  }
  if (!(thrown instanceof SealwireError)) {
    const toDo = "Set SEALWIRE_DEBUG=1 to see where, and report it: this is a fault of sealwire.";
    return { what: `unexpected ${String(thrown)}`, toDo, exitCode: ExitCode.failed };
  }
  const exitCode = EXIT_CODES[thrown.reason];
  if (isWireReason(thrown.reason)) {
    const what = `${thrown.reason}: ${thrown.message}${listViolations(thrown)}`;
    return { what, toDo: thrown.remedy, exitCode };
  }
  // What this process says itself may hold a second line: the very thing to do.
  const [what = "", ...toDo] = thrown.message.split("\n");
  return { what, toDo: toDo.join(" ") || thrown.remedy, exitCode };
}

/** True for what the file system answered. */
function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && "syscall" in thrown && "code" in thrown;
}

/** The message holds the first violation already. */
function listViolations({ violations, violationsOmitted }: SealwireError): string {
  if (violations.length < 2) return "";
  const shown = violations
    .slice(1, VIOLATIONS_SHOWN)
    .map(({ field, message }) => (field ? `${field}: ${message}` : message));
  const hidden = violations.length - shown.length - 1 + violationsOmitted;
  return ` Also ${shown.join("; ")}${hidden > 0 ? `; and ${hidden} more` : ""}.`;
}
