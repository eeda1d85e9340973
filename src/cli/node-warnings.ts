import type { Logger } from "../runtime/logger.ts";

/** Warnings that Node gave before anybody took them. */
const early: Error[] = [];
/** Most that are kept; Node gives few, and none of them twice. */
const EARLY_MAX = 20;
let take: (warning: Error) => void = (warning) => {
  if (early.length < EARLY_MAX) early.push(warning);
};

/** Keeps Node from printing its warnings as plain text. To be called once, before anything else is loaded. */
export function holdNodeWarnings(): void {
  // With --no-warnings nobody listens, and nobody is to.
  if (process.listenerCount("warning") === 0) return;
  process.removeAllListeners("warning");
  process.on("warning", (warning) => take(warning));
}

/** Writes the warnings so far, and those to come, to a log. */
export function logNodeWarnings(logger: Logger): void {
  take = (warning) => {
    const { name, message } = warning;
    const code = "code" in warning ? warning.code : undefined;
    logger.warn({ warning: name, code }, message);
  };
  for (const warning of early.splice(0)) take(warning);
}

/** Gives the warnings that went to no log, without those about experimental features, which users can do nothing about. */
export function leftNodeWarnings(): readonly string[] {
  return early
    .splice(0)
    .filter(({ name }) => name !== "ExperimentalWarning")
    .map(({ message }) => message);
}
