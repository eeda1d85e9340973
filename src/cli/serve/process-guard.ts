import { systemClock as clock } from "../../runtime/clock.ts";
import type { ProcessCounter } from "../../server/metrics/process-counter.ts";
import { logNodeWarnings } from "../node-warnings.ts";
import { type Log, type LogLevel, type LogOptions, openLog } from "../output/log.ts";
import type { Terminal } from "../output/terminal.ts";
import { type StrayErrors, surviveStrayErrors } from "./stray-errors.ts";

/** Protects a serving process from errors and holds its log. Disposing it writes the remaining log lines. */
export interface ProcessGuard extends Pick<Log, "logger">, AsyncDisposable {
  /** Counters for the metrics of the process. */
  readonly counters: readonly ProcessCounter[];
}

/**
 * Opens the log of a serving process and ensures that neither its log, nor its output, nor an unhandled error ends the
 * process.
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

/** The counters of a serving process. */
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
      help: "Unhandled exceptions and rejections.",
      value: () => strays.count,
    },
  ];
}
