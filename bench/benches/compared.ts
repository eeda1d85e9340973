import type { BenchOptions } from "../options.ts";
import type { Findings } from "../report/result.ts";
import { median } from "../report/statistics.ts";
import type { VariantName } from "../variants/variants.ts";
import { measureInRounds } from "./rounds.ts";
import { callsPerSecond, seriesTable } from "./series-table.ts";

/** The variants of a comparison. */
export interface Comparison {
  readonly names: readonly VariantName[];
  /** The variant to which the others are compared. */
  readonly base: VariantName;
}

const USUAL_CALLERS = 64;

/** Compares variants at each number of callers. The chart shows 64 callers, or the largest number. */
export async function compare({ names, base }: Comparison, options: BenchOptions): Promise<Findings> {
  const chosen = options.variants.length === 0 ? names : names.filter((name) => options.variants.includes(name));
  const series = await measureInRounds({ ...options, names: chosen });
  const drawn = options.callers.includes(USUAL_CALLERS) ? USUAL_CALLERS : Math.max(...options.callers);
  const title = (callers: number): string => `Calls per second, ${callers} callers`;
  const tables = options.callers.map((callers) =>
    seriesTable(
      title(callers),
      series.filter((each) => each.callers === callers),
      base,
    ),
  );
  const bars = series
    .filter(({ callers }) => callers === drawn)
    .map(({ name, title: label, rounds }) => ({
      label,
      value: median(rounds.map(callsPerSecond)),
      ours: name.startsWith("sealwire"),
    }));
  return { tables, chart: { title: title(drawn), unit: "more is better", bars }, raw: series };
}
