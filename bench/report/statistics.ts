/** The quantile `share` of sorted values, by the nearest rank. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The median of values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const below = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return (below + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** `values[i] / base[i]`, in which drift between rounds cancels out. */
export function ratios(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value / (base[round] ?? Number.NaN));
}

/** The median of {@link ratios}. */
export function medianRatio(values: readonly number[], base: readonly number[]): number {
  return median(ratios(values, base));
}

/** Two cells: the median of {@link ratios}, and their range. */
export function comparison(values: readonly number[], base: readonly number[]): readonly [number, string] {
  const compared = ratios(values, base);
  return [median(compared), describeRange(compared)];
}

/** The lowest and the highest of values, for a cell. */
export function describeRange(values: readonly number[]): string {
  const lowest = Math.min(...values).toPrecision(3);
  const highest = Math.max(...values).toPrecision(3);
  return lowest === highest ? lowest : `${lowest}–${highest}`;
}
