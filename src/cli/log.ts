import { destination, type LevelWithSilent, pino } from "pino";
import type { Logger } from "../runtime/logger.ts";

/** How much is logged. */
export type LogLevel = Extract<LevelWithSilent, "debug" | "info" | "warn" | "error" | "silent">;

/** All levels, the most talkative first. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

const STDERR = 2;

/** Makes a logger that writes one JSON object a line to stderr. */
export function stderrLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ fd: STDERR, sync: true }),
  );
}
