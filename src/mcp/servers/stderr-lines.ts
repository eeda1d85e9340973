import type { Readable } from "node:stream";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { cutText } from "../../wire/error-message.ts";
import type { Redact } from "./secrets.ts";

/** Options of {@link logStderr}. */
export interface StderrOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly redact: Redact;
}

/** Longest line that is logged, in UTF-16 units. */
const LINE_MOST = 1_000;
/** Longest line that is read. The rest of it is skipped. */
const READ_MOST = 8_192;
/** Maximum number of lines in {@link WINDOW_MS}. */
const LINES_MOST = 50;
const WINDOW_MS = 10_000;

/** Writes what a child writes to stderr to the log, as lines without secrets. Long and numerous lines are cut. */
export function logStderr(stderr: Readable, { logger, clock, redact }: StderrOptions): void {
  let rest = "";
  let skipping = false;
  let windowEndsMs = clock.monotonicMs() + WINDOW_MS;
  let lines = 0;
  const write = (line: string): void => {
    if (line.trim() === "") return;
    const nowMs = clock.monotonicMs();
    if (nowMs >= windowEndsMs) {
      if (lines > LINES_MOST) logger.warn({ lines: lines - LINES_MOST }, "more lines of an MCP server were not logged");
      windowEndsMs = nowMs + WINDOW_MS;
      lines = 0;
    }
    lines += 1;
    if (lines <= LINES_MOST) logger.info({ line: cutText(redact(line), LINE_MOST) }, "an MCP server wrote to stderr");
  };
  stderr.setEncoding("utf8");
  stderr.on("data", (text: string) => {
    const [first = "", ...more] = text.split("\n");
    rest = skipping ? "" : rest + first;
    for (const line of more) {
      if (!skipping) write(rest);
      skipping = false;
      rest = line;
    }
    if (rest.length > READ_MOST) {
      write(rest);
      rest = "";
      skipping = true;
    }
  });
  stderr.on("end", () => {
    if (!skipping) write(rest);
  });
  stderr.on("error", () => {});
}
