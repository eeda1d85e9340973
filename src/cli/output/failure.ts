import { isWireReason, type Reason, SealwireError } from "../../errors.ts";
import { MISSPELT } from "../../runtime/nearest.ts";
import { EXIT_CODES, ExitCode } from "./exit-code.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

/** Maximum number of violations in one line. */
const VIOLATIONS_SHOWN = 3;

/** Reasons after which the user needs the request id to repeat or examine the call. */
const NEEDS_REQUEST_ID: ReadonlySet<Reason> = new Set([
  "INTERNAL",
  "OUTCOME_UNKNOWN",
  "REQUEST_IN_PROGRESS",
  "DEADLINE_EXCEEDED",
]);

/** Reasons whose message already contains the fix. */
const REMEDY_IN_MESSAGE: ReadonlySet<Reason> = new Set([
  "OPTIONS_INVALID",
  "KEY_RING_INVALID",
  "STORE_UNUSABLE",
  "TOOL_FAILED",
]);

/**
 * Prints the error in one line, the fix in another one if the message does not contain it, and the request id if it is
 * needed. Returns the exit code.
 */
export function reportFailure(terminal: Terminal, thrown: unknown, requestId?: string): ExitCode {
  const { what, toDo, exitCode } = describe(thrown);
  const { colors } = terminal;
  terminal.say(`${colors.red("error:")} ${plainText(what)}`);
  if (toDo !== undefined) terminal.say(`${colors.dim("  try:")} ${plainText(toDo)}`);
  // If the call cannot have been executed, the advice does not mention an execution.
  const isNeeded = NEEDS_REQUEST_ID.has(SealwireError.from(thrown).reason) || toDo?.includes("request id") === true;
  if (requestId !== undefined && isNeeded && !what.includes(requestId))
    terminal.say(`${colors.dim("  request id:")} ${plainText(requestId)}`);
  if (terminal.env.SEALWIRE_DEBUG) sayStacks(terminal, thrown);
  return exitCode;
}

/** Prints the stack traces of an error and its causes. */
function sayStacks(terminal: Terminal, thrown: unknown): void {
  const seen = new Set<unknown>();
  for (let each = thrown; each instanceof Error && !seen.has(each); each = each.cause) {
    if (seen.size > 0) terminal.say("    caused by:");
    seen.add(each);
    for (const line of String(each.stack).split("\n")) terminal.say(`    ${line}`);
  }
}

/** Local reasons that report the end of a call, as wire reasons do. */
const ENDS_OF_CALLS: ReadonlySet<string> = new Set([
  "UNREACHABLE",
  "CREDENTIALS_REFUSED",
  "RESPONSE_UNVERIFIED",
  "RESPONSE_INVALID",
]);

interface FailureReport {
  readonly what: string;
  /** The fix; `undefined` if there is none besides the message. */
  readonly toDo: string | undefined;
  readonly exitCode: ExitCode;
}

function describe(thrown: unknown): FailureReport {
  if (isSystemError(thrown)) {
    return { what: thrown.message, toDo: "Check the path and its permissions.", exitCode: ExitCode.usage };
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
  // A second line of a local error's message is the fix.
  const [what = "", ...toDo] = thrown.message.split("\n");
  const named = ENDS_OF_CALLS.has(thrown.reason) ? `${thrown.reason}: ${what}` : what;
  return { what: named, toDo: toDo.join(" ") || remedyOf(thrown), exitCode };
}

function remedyOf({ reason, remedy, cause }: SealwireError): string | undefined {
  if (cause === MISSPELT) return "Give the name as `sealwire tools` shows it.";
  if (reason === "ARGS_INVALID") return "Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.";
  return REMEDY_IN_MESSAGE.has(reason) ? undefined : remedy;
}

/** True for an error of the operating system. */
export function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && "syscall" in thrown && "code" in thrown;
}

/** Lists further violations, because the message contains the first one. */
function listViolations({ violations, violationsOmitted }: SealwireError): string {
  if (violations.length < 2) return "";
  const shown = violations
    .slice(1, VIOLATIONS_SHOWN)
    .map(({ field, message }) => (field ? `${field}: ${message}` : message));
  const hidden = violations.length - shown.length - 1 + violationsOmitted;
  return ` Also ${shown.join("; ")}${hidden > 0 ? `; and ${hidden} more` : ""}.`;
}
