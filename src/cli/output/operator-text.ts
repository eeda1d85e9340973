import type { Timestamp } from "../../../gen/google/protobuf/timestamp.ts";
import { fromTimeMs, toTimeMs } from "../../wire/duration.ts";
import { shownTime } from "./shown-time.ts";
import type { Terminal } from "./terminal.ts";

/** A time of an operator's tool for a table; "-" if it is unset. */
export function timeCell(terminal: Terminal, time: Timestamp | undefined): string {
  return time === undefined ? "-" : shownTime(terminal, toTimeMs(time));
}

/** The name of an enum's value in small letters; "-" for its zero value and for one that is not known. */
export function enumCell(names: Readonly<Record<string, number>>, value: number): string {
  const [name] = Object.entries(names).find(([, number]) => number === value) ?? [];
  return name === undefined || value === 0 ? "-" : name.toLowerCase().replaceAll("_", " ");
}

/** Says on stderr that a list was cut. */
export function sayMore(terminal: Terminal, what: string, limit: number): void {
  terminal.say(`There are more ${what} than these ${limit}; give --limit for more.`);
}

/** Unix milliseconds of an option as a field of a request; `undefined` if the option was not given. */
export function optionalTime(timeMs: number | undefined): Timestamp | undefined {
  return timeMs === undefined ? undefined : fromTimeMs(timeMs);
}
