import { type LevelWithSilent, pino } from "pino";
import { systemClock as clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { LogSink } from "./log-sink.ts";
import { logText } from "./log-text.ts";

/** A log level. */
export type LogLevel = Extract<LevelWithSilent, "debug" | "info" | "warn" | "error" | "silent">;

/** All levels, most verbose first. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

const STDERR = 2;

/** The log of a serving process. Disposing it writes the remaining lines. */
export interface Log extends AsyncDisposable {
  readonly logger: Logger;
  /** Number of dropped lines. */
  readonly dropped: number;
  /** Counts a dropped line of the process's other output. */
  drop(): void;
}

/** Options of {@link openLog}. */
export interface LogOptions {
  /** Writes text instead of JSON lines. Default false. */
  readonly forPeople?: boolean;
}

/** Opens a log on stderr. It never ends or blocks the process (see {@link LogSink}). */
export function openLog(level: LogLevel, { forPeople = false }: LogOptions = {}): Log {
  const sink = new LogSink({
    fd: STDERR,
    clock,
    onDropped: (lines) => logger.error({ dropped: lines }, "lines were dropped: the log could not be written"),
  });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    forPeople ? { write: (line: string) => sink.write(logText(line)) } : sink,
  );
  const endNow = (): void => sink.endNow();
  process.once("exit", endNow);
  return {
    logger,
    get dropped() {
      return sink.dropped;
    },
    drop: () => sink.drop(),
    async [Symbol.asyncDispose]() {
      await sink.end();
      process.off("exit", endNow);
    },
  };
}
