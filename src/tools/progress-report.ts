import type { JobRun } from "../jobs/engine.ts";
import type { JobProgress } from "../jobs/job.ts";
import type { Logger } from "../runtime/logger.ts";
import { cutText } from "../wire/error-message.ts";
import type { ToolContext } from "./handler.ts";
import { outsideOfRuns } from "./tool-run.ts";

const MAX_MESSAGE_LENGTH = 512;

/**
 * The `progress` function of a job's context. Records valid reports and logs a warning for the first invalid report of
 * an attempt.
 */
export function progressReporter(run: JobRun, logger: Logger): ToolContext["progress"] {
  let warned = false;
  return (completed, total, message = "") => {
    const { progress, problems } = readProgress(completed, total, message);
    outsideOfRuns(() => {
      run.progress(progress.completed, progress.total, progress.message);
      if (problems.length === 0 || warned) return;
      warned = true;
      logger.warn({ problem: problems.join("; ") }, "a handler reported invalid progress");
    });
  };
}

/**
 * Converts a report, whose arguments may have any JavaScript type, to the progress to record and a description of its
 * invalid arguments. Counts become whole numbers from 0 to 2^53 - 1, a total below the count becomes 0 (unknown), and a
 * message that is not a string becomes "".
 */
function readProgress(completed: unknown, total: unknown, message: unknown) {
  const problems: string[] = [];
  const count = (name: string, given: unknown, round: (value: number) => number): number => {
    const taken = toCount(given, round);
    if (given !== taken)
      problems.push(`${name} must be a whole number of 0 or more, not ${describe(given)}, and counts as ${taken}`);
    return taken;
  };
  const counts = { completed: count("completed", completed, Math.floor), total: count("total", total, Math.ceil) };
  if (counts.total > 0 && counts.completed > counts.total) {
    problems.push(`total must not be below completed (${counts.completed} of ${counts.total}), and counts as unknown`);
    counts.total = 0;
  }
  const isText = typeof message === "string";
  if (!isText) problems.push(`message must be a text, not ${describe(message)}, and is left out`);
  const progress: JobProgress = { ...counts, message: isText ? cutText(message, MAX_MESSAGE_LENGTH) : "" };
  return { progress, problems };
}

/** The nearest valid count; 0 for a value that is not a finite number. */
function toCount(value: unknown, round: (value: number) => number): number {
  if (typeof value !== "number" || !Number.isFinite(value)) return 0;
  return Math.min(Math.max(round(value), 0), Number.MAX_SAFE_INTEGER);
}

/** A number itself, or only the type of any other value, which may contain data that must not be logged. */
function describe(value: unknown): string {
  if (typeof value === "number") return String(value);
  return value === null ? "null" : `a value of type ${typeof value}`;
}
