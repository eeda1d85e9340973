import { formatTime } from "../../files/json-fields.ts";
import { systemClock } from "../../runtime/clock.ts";
import { describeSpan } from "../../runtime/time-span.ts";
import type { Terminal } from "./terminal.ts";

/** A shorter span counts as now, in milliseconds. */
const NOW_MS = 2_000;
/** A time that is further away is shown as a date, in milliseconds. */
const DATE_FROM_MS = 100 * 24 * 60 * 60 * 1000;

/** Formats a time, Unix milliseconds, for a table: relative to now on a terminal, exact elsewhere. */
export function shownTime(terminal: Terminal, timeMs: number): string {
  return terminal.dataColumns === undefined ? formatTime(timeMs) : relativeTime(timeMs, systemClock.nowMs());
}

/** Formats a time, Unix milliseconds, outside of tables: exact, on a terminal also relative to now. */
export function shownTimeInFull(terminal: Terminal, timeMs: number): string {
  const exact = formatTime(timeMs);
  return terminal.dataColumns === undefined ? exact : `${exact}, ${relativeTime(timeMs, systemClock.nowMs())}`;
}

/** Formats a time in a store, Unix milliseconds, which may be beyond every date. */
export function shownInstant(ms: number): string {
  return Number.isFinite(new Date(ms).getTime()) ? new Date(ms).toISOString() : "the end of time";
}

/** The distance of a time from now, such as "3 min ago" or "in 2 days"; the date of a distant day. */
export function relativeTime(timeMs: number, nowMs: number): string {
  const apartMs = Math.abs(nowMs - timeMs);
  if (apartMs < NOW_MS) return "now";
  if (apartMs >= DATE_FROM_MS) return formatTime(timeMs).slice(0, "2026-11-22".length);
  const span = describeSpan(apartMs, 0);
  return timeMs > nowMs ? `in ${span}` : `${span} ago`;
}
