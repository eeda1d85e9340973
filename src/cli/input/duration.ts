const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Parses a time span such as "500ms", "30s", "15m", "12h" or "7d" into milliseconds; `undefined` for any other text.
 */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  return amount === undefined || unitMs === undefined ? undefined : Math.round(Number(amount) * unitMs);
}

/** Formats milliseconds for {@link parseDuration}, in the largest unit without a fraction. */
export function formatDuration(ms: number): string {
  const [unit = "ms", unitMs = 1] = Object.entries(UNITS_MS).findLast(([, each]) => ms % each === 0) ?? [];
  return `${ms / unitMs}${unit}`;
}
