import { systemClock as clock } from "../../runtime/clock.ts";
import type { ProcessCounter } from "../../server/metrics/metrics.ts";
import { logNodeWarnings } from "../node-warnings.ts";
import { type Log, type LogLevel, type LogOptions, openLog } from "../output/log.ts";
import type { Terminal } from "../output/terminal.ts";
import { type StrayErrors, surviveStrayErrors } from "./stray-errors.ts";

/** What keeps a process that serves alive, and its log. Disposing it writes the last lines. */
export interface ProcessGuard extends Pick<Log, "logger">, AsyncDisposable {
  /** For the process's metrics. */
  readonly counters: readonly ProcessCounter[];
}

/**
 * Opens the log of a process that serves, and sees to it that neither its log, nor its output, nor an error that no code
 * waited for ends the process.
 */
export function guardProcess(terminal: Terminal, level: LogLevel, options: LogOptions = {}): ProcessGuard {
  const log = openLog(level, options);
  const { logger } = log;
  const strays = surviveStrayErrors({ logger, clock });
  terminal.outliveReaders(() => log.drop());
  logNodeWarnings(logger);
  return {
    logger,
    counters: processCounters(log, strays),
    async [Symbol.asyncDispose]() {
      strays[Symbol.dispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

/** What a process that serves counts of itself. */
export function processCounters(
  log: Pick<Log, "dropped">,
  strays: Pick<StrayErrors, "count">,
): readonly ProcessCounter[] {
  return [
    {
      name: "sealwire_log_lines_dropped_total",
      help: "Log lines, and pieces of other output, that could not be written.",
      value: () => log.dropped,
    },
    {
      name: "sealwire_stray_errors_total",
      help: "Exceptions and rejections that no code waited for.",
      value: () => strays.count,
    },
  ];
}
