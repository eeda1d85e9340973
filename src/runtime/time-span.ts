const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Largest unit first. A unit is used from two of it on: 90 min, not 1.5 hours. */
const UNITS = [
  { name: "days", unitMs: DAY_MS },
  { name: "hours", unitMs: HOUR_MS },
  { name: "min", unitMs: MINUTE_MS },
  { name: "s", unitMs: SECOND_MS },
] as const;

/** Writes a time span for people, to a tenth of a unit that suits it: "2 days", "5.5 min", "60 s", "350 ms". */
export function describeSpan(ms: number): string {
  const unit = UNITS.find(({ unitMs }) => ms >= 2 * unitMs);
  return unit === undefined ? `${ms} ms` : `${Math.round((ms / unit.unitMs) * 10) / 10} ${unit.name}`;
}
