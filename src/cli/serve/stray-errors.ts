import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { failToolRun } from "../../tools/tool-run.ts";

/** Options of {@link surviveStrayErrors}. */
export interface StrayErrorOptions {
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The handling of unhandled errors; dispose to end it. */
export interface StrayErrors extends Disposable {
  /** Number of unhandled errors. */
  readonly count: number;
}

/** Maximum number of log lines about unhandled errors in {@link WINDOW_MS}. */
const LINES_MAX = 10;
const WINDOW_MS = 10_000;

/**
 * Prevents unhandled exceptions and rejections from ending the process. The call or attempt that caused one fails;
 * other work continues. docs/decisions.md has the reasons.
 */
export function surviveStrayErrors({ logger, clock }: StrayErrorOptions): StrayErrors {
  let count = 0;
  let windowStartMs = clock.monotonicMs();
  let linesInWindow = 0;
  let silenced = 0;
  /** Limits the log lines. The first line of a new window contains the number of suppressed ones. */
  const mayLog = (): boolean => {
    const nowMs = clock.monotonicMs();
    if (nowMs - windowStartMs >= WINDOW_MS) {
      if (silenced > 0) logger.error({ errors: silenced }, "more stray errors were not logged one by one");
      windowStartMs = nowMs;
      linesInWindow = 0;
      silenced = 0;
    }
    linesInWindow += 1;
    if (linesInWindow <= LINES_MAX) return true;
    silenced += 1;
    return false;
  };
  const onStray = (thrown: unknown, kind: string): void => {
    count += 1;
    // An error in this handler would end the process.
    try {
      const origin = failToolRun(thrown);
      if (!mayLog()) return;
      const err = thrown instanceof Error ? thrown : new Error(`thrown, but no Error: ${String(thrown)}`);
      if (origin === undefined) {
        logger.error({ err, kind }, "stray error outside of any tool's call; the process continues");
        return;
      }
      const { tool, clientId, requestId, jobId, attempt, failed } = origin;
      const outcome = failed ? `its ${jobId === undefined ? "call" : "attempt"} failed` : "its call had ended before";
      logger.error(
        {
          err,
          kind,
          tool,
          client: clientId,
          request_id: requestId,
          ...(jobId !== undefined && { job_id: jobId, attempt }),
        },
        `stray error of a tool; ${outcome}`,
      );
    } catch {
      // The error is counted even if it cannot be logged.
    }
  };
  const onException = (thrown: unknown): void => onStray(thrown, "exception");
  const onRejection = (reason: unknown): void => onStray(reason, "rejection");
  process.on("uncaughtException", onException).on("unhandledRejection", onRejection);
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]() {
      process.off("uncaughtException", onException).off("unhandledRejection", onRejection);
    },
  };
}
