/** A second in milliseconds. */
export const SECOND_MS = 1000;
/** A minute in milliseconds. */
export const MINUTE_MS = 60 * SECOND_MS;
/** An hour in milliseconds. */
export const HOUR_MS = 60 * MINUTE_MS;
/** A day of 24 hours in milliseconds. */
export const DAY_MS = 24 * HOUR_MS;

/** Largest unit first. A unit is used from two of it on: 90 min, not 1.5 hours. */
const UNITS = [
  { name: "days", unitMs: DAY_MS },
  { name: "hours", unitMs: HOUR_MS },
  { name: "min", unitMs: MINUTE_MS },
  { name: "s", unitMs: SECOND_MS },
] as const;

/** Formats a time span in a suitable unit, to `decimals` places at most: "2 days", "5.5 min", "60 s", "350 ms". */
export function describeSpan(ms: number, decimals = 1): string {
  const unit = UNITS.find(({ unitMs }) => ms >= 2 * unitMs);
  const factor = 10 ** decimals;
  return unit === undefined ? `${ms} ms` : `${Math.round((ms / unit.unitMs) * factor) / factor} ${unit.name}`;
}
