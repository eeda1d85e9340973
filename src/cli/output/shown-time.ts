import { formatTime } from "../../files/json-fields.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Terminal } from "./terminal.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Each unit counts up to a value of the next: "90 min" says no less than "1 h", and "36 h" more than "1 day". */
const UNITS: readonly { readonly below: number; readonly unitMs: number; readonly name: string }[] = [
  { below: MINUTE_MS, unitMs: SECOND_MS, name: "s" },
  { below: 2 * HOUR_MS, unitMs: MINUTE_MS, name: "min" },
  { below: 2 * DAY_MS, unitMs: HOUR_MS, name: "h" },
  { below: 100 * DAY_MS, unitMs: DAY_MS, name: "days" },
];

/** A time, Unix milliseconds, in a table: how far it is from now where people look, exact where stdout is no terminal. */
export function shownTime(terminal: Terminal, timeMs: number): string {
  return terminal.dataColumns === undefined ? formatTime(timeMs) : relativeTime(timeMs, systemClock.nowMs());
}

/** A time where there is room: exact, and on a terminal how far it is from now, too. */
export function shownTimeInFull(terminal: Terminal, timeMs: number): string {
  const exact = formatTime(timeMs);
  return terminal.dataColumns === undefined ? exact : `${exact}, ${relativeTime(timeMs, systemClock.nowMs())}`;
}

/** How far a time is from now, such as "3 min ago" or "in 2 days"; a day far away by its date. */
export function relativeTime(timeMs: number, nowMs: number): string {
  const apartMs = Math.abs(nowMs - timeMs);
  if (apartMs < SECOND_MS) return "now";
  const unit = UNITS.find(({ below }) => apartMs < below);
  if (unit === undefined) return formatTime(timeMs).slice(0, "2026-11-22".length);
  const amount = `${Math.floor(apartMs / unit.unitMs)} ${unit.name}`;
  return timeMs > nowMs ? `in ${amount}` : `${amount} ago`;
}
