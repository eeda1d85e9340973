import { MISSPELT } from "../client/contract-source.ts";
import { isWireReason, SealwireError } from "../errors.ts";
import { EXIT_CODES, ExitCode } from "./exit-code.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

/** Most violations that fit into one line for people. */
const VIOLATIONS_SHOWN = 3;

/** What is repeated, or asked about, under the request id. */
const NEEDS_REQUEST_ID: ReadonlySet<string> = new Set([
  "INTERNAL",
  "OUTCOME_UNKNOWN",
  "REQUEST_IN_PROGRESS",
  "DEADLINE_EXCEEDED",
  "UNREACHABLE",
]);

/**
 * Tells people what went wrong in one line and what to do in another, and the id of the request where they need it. Returns
 * the exit code.
 */
export function reportFailure(terminal: Terminal, thrown: unknown, requestId?: string): ExitCode {
  const { what, toDo, exitCode } = describe(thrown);
  const { colors } = terminal;
  terminal.say(`${colors.red("error:")} ${plainText(what)}`);
  terminal.say(`${colors.dim("  try:")} ${plainText(toDo)}`);
  if (requestId !== undefined && NEEDS_REQUEST_ID.has(SealwireError.from(thrown).reason))
    terminal.say(`${colors.dim("  request id:")} ${plainText(requestId)}`);
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
  const exitCode = thrown.cause === MISSPELT ? ExitCode.usage : (EXIT_CODES[thrown.reason] ?? ExitCode.failed);
  if (isWireReason(thrown.reason)) {
    const what = `${thrown.reason}: ${thrown.message}${listViolations(thrown)}`;
    return { what, toDo: remedyOf(thrown), exitCode };
  }
  // What this process says itself may hold a second line: the very thing to do.
  const [what = "", ...toDo] = thrown.message.split("\n");
  return { what, toDo: toDo.join(" ") || thrown.remedy, exitCode };
}

function remedyOf({ reason, remedy, cause, violations }: SealwireError): string {
  if (cause === MISSPELT) return "Give the name as `sealwire tools` shows it.";
  return reason === "ARGS_INVALID" && violations.length === 0 ? "Do what the message says." : remedy;
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
