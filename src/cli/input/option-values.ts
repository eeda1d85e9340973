import { InvalidArgumentError } from "commander";
import type { ChainHead } from "../../audit/line.ts";
import { parseTime } from "../../files/json-fields.ts";
import { describeRange, isInRange, type NumberRange } from "../../runtime/number-range.ts";
import { parseDuration } from "./duration.ts";

/** Parses an option's value. Throws InvalidArgumentError, to which commander adds the option's name. */
type ValueReader<T> = (text: string) => T;

/** Parses a decimal number in a range. */
export function numberIn(range: NumberRange): ValueReader<number> {
  return (text) => {
    const value = /^\d{1,16}(?:\.\d{1,16})?$/.test(text) ? Number(text) : Number.NaN;
    if (isInRange(value, range)) return value;
    throw new InvalidArgumentError(`It must be ${describeRange(range)}.`);
  };
}

/** Parses a whole number from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): ValueReader<number> {
  return numberIn({ least, most });
}

/** Parses a time span such as "30s" into milliseconds. The bounds are time spans, too. */
export function duration(least: string, most: string): ValueReader<number> {
  const [leastMs, mostMs] = [parseDuration(least), parseDuration(most)];
  return (text) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= (leastMs ?? 0) && ms <= (mostMs ?? 0)) return ms;
    throw new InvalidArgumentError(`It must be a time span such as "30s", "15m" or "7d", from ${least} to ${most}.`);
  };
}

/** Parses a UTC time into Unix milliseconds. */
export function time(text: string): number {
  const ms = parseTime(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a UTC time such as "2026-11-22T12:00:00Z".');
  return ms;
}

/** Parses what a filter compares with. An empty text, as of a variable that is not set, would select everything. */
export function filterText(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It must not be empty. Leave the option out for all.");
}

/** Parses a request id. */
export function requestId(text: string): string {
  if (/^[!-~]{1,128}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be 1 to 128 printable ASCII characters without spaces.");
}

/** Collects the values of a repeated option. */
export function append(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Collects the values of an option that is repeated or contains several values, separated by commas. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, ...value.split(",").filter((each) => each !== "")];
}

/** Parses the head of an audit chain, as `audit verify` prints it, and adds it to those before. */
export function chainHead(text: string, before: readonly ChainHead[] = []): ChainHead[] {
  const [, chain, sequence, mac] = /^([!-~]{1,128}):(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (chain === undefined || mac === undefined) {
    throw new InvalidArgumentError("It must be CHAIN:SEQUENCE:MAC, as `sealwire audit verify` prints it.");
  }
  return [...before, { chain, sequence: Number(sequence), mac }];
}
