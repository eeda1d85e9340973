import { isWireReason, type Reason, SealwireError } from "../../errors.ts";
import { MISSPELT } from "../../runtime/nearest.ts";
import { EXIT_CODES, ExitCode } from "./exit-code.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

/** Most violations that fit into one line for people. */
const VIOLATIONS_SHOWN = 3;

/** What is repeated, or asked about, under the request id. */
const NEEDS_REQUEST_ID: ReadonlySet<Reason> = new Set([
  "INTERNAL",
  "OUTCOME_UNKNOWN",
  "REQUEST_IN_PROGRESS",
  "DEADLINE_EXCEEDED",
]);

/** Reasons whose remedy says no more than that the message tells what to do. */
const REMEDY_IN_MESSAGE: ReadonlySet<Reason> = new Set([
  "OPTIONS_INVALID",
  "KEY_RING_INVALID",
  "STORE_UNUSABLE",
  "TOOL_FAILED",
]);

/**
 * Tells people what went wrong in one line, what to do in another where that is more than the first says, and the id of the
 * request where they need it. Returns the exit code.
 */
export function reportFailure(terminal: Terminal, thrown: unknown, requestId?: string): ExitCode {
  const { what, toDo, exitCode } = describe(thrown);
  const { colors } = terminal;
  terminal.say(`${colors.red("error:")} ${plainText(what)}`);
  if (toDo !== undefined) terminal.say(`${colors.dim("  try:")} ${plainText(toDo)}`);
  // Where nothing can have been done, the advice does not speak of it.
  const isNeeded = NEEDS_REQUEST_ID.has(SealwireError.from(thrown).reason) || toDo?.includes("request id") === true;
  if (requestId !== undefined && isNeeded && !what.includes(requestId))
    terminal.say(`${colors.dim("  request id:")} ${plainText(requestId)}`);
  if (terminal.env.SEALWIRE_DEBUG) sayStacks(terminal, thrown);
  return exitCode;
}

/** Where an error comes from, and what caused it. */
function sayStacks(terminal: Terminal, thrown: unknown): void {
  const seen = new Set<unknown>();
  for (let each = thrown; each instanceof Error && !seen.has(each); each = each.cause) {
    if (seen.size > 0) terminal.say("    caused by:");
    seen.add(each);
    for (const line of String(each.stack).split("\n")) terminal.say(`    ${line}`);
  }
}

/** Reasons of this process that say how a call ended, as those of the wire do. */
const ENDS_OF_CALLS: ReadonlySet<string> = new Set([
  "UNREACHABLE",
  "CREDENTIALS_REFUSED",
  "RESPONSE_UNVERIFIED",
  "RESPONSE_INVALID",
]);

interface Failure {
  readonly what: string;
  /** Missing where there is nothing more to say. */
  readonly toDo: string | undefined;
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
  const named = ENDS_OF_CALLS.has(thrown.reason) ? `${thrown.reason}: ${what}` : what;
  return { what: named, toDo: toDo.join(" ") || remedyOf(thrown), exitCode };
}

function remedyOf({ reason, remedy, cause }: SealwireError): string | undefined {
  if (cause === MISSPELT) return "Give the name as `sealwire tools` shows it.";
  if (reason === "ARGS_INVALID") return "Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.";
  return REMEDY_IN_MESSAGE.has(reason) ? undefined : remedy;
}

/** True for what the file system answered. */
export function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
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
