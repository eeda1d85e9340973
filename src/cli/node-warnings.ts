import type { Logger } from "../runtime/logger.ts";

/** Warnings that Node emitted before the log was opened. */
const early: Error[] = [];
/** Maximum number of kept warnings. Node emits few, and each of them once. */
const EARLY_MAX = 20;
let take: (warning: Error) => void = (warning) => {
  if (early.length < EARLY_MAX) early.push(warning);
};

/** Prevents Node from printing its warnings as plain text. Must be called once, before other modules are loaded. */
export function holdNodeWarnings(): void {
  // With --no-warnings there is no listener, and none is added.
  if (process.listenerCount("warning") === 0) return;
  process.removeAllListeners("warning");
  process.on("warning", (warning) => take(warning));
}

/** Writes the kept warnings and all later ones to a log. */
export function logNodeWarnings(logger: Logger): void {
  take = (warning) => {
    const { name, message } = warning;
    const code = "code" in warning ? warning.code : undefined;
    logger.warn({ warning: name, code }, message);
  };
  for (const warning of early.splice(0)) take(warning);
}

/**
 * Returns the warnings that were not logged, without those about experimental features, which users cannot influence.
 */
export function leftNodeWarnings(): readonly string[] {
  return early
    .splice(0)
    .filter(({ name }) => name !== "ExperimentalWarning")
    .map(({ message }) => message);
}
