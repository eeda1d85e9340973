import { systemClock } from "../../runtime/clock.ts";
import { type Logger, silentLogger } from "../../runtime/logger.ts";
import type { Terminal } from "./terminal.ts";

/** Time for which a command tries again without a word, in milliseconds. */
const SILENT_MS = 2_000;

/** A client's logger that says once, after two seconds of failed attempts, why the command waits, and how long it may. */
export function retryNotice(terminal: Terminal): Logger {
  const startedMs = systemClock.monotonicMs();
  let isSaid = false;
  return {
    ...silentLogger,
    debug({ reason }: { readonly reason?: string }, message = "") {
      if (isSaid || reason === undefined || systemClock.monotonicMs() - startedMs < SILENT_MS) return;
      isSaid = true;
      terminal.say(`${reason}: ${message.replace(/^retry: /, "")} Trying again until --timeout.`);
    },
  };
}
