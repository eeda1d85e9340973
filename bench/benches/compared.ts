import type { BenchOptions } from "../options.ts";
import type { Findings, Table } from "../report/result.ts";
import { median, medianRatio } from "../report/statistics.ts";
import type { VariantName } from "../variants/variants.ts";
import { type Measured, measureInRounds, type Series } from "./rounds.ts";
import { callsPerSecond, cpuPerCall, seriesTable, serverBusy } from "./series-table.ts";

/** The variants of a comparison. */
export interface Comparison {
  readonly names: readonly VariantName[];
  /** The variant to which the others are compared. */
  readonly base: VariantName;
  /** Tables of the bench's own, shown before the others. */
  readonly more?: (series: readonly Series[]) => readonly Table[];
}

const USUAL_CALLERS = 64;

/** Compares variants at each number of callers. The chart shows 64 callers, or the largest number. */
export async function compare({ names, base, more }: Comparison, options: BenchOptions): Promise<Findings> {
  const chosen = options.variants.length === 0 ? names : names.filter((name) => options.variants.includes(name));
  const series = await measureInRounds({ ...options, names: chosen });
  const drawn = options.callers.includes(USUAL_CALLERS) ? USUAL_CALLERS : Math.max(...options.callers);
  const tables = options.callers.map((callers) =>
    seriesTable(
      callers === 1 ? "One caller" : `${callers} callers`,
      series.filter((each) => each.callers === callers),
      base,
    ),
  );
  const bars = series
    .filter(({ callers }) => callers === drawn)
    .map(({ name, title: label, rounds }) => ({
      label,
      value: median(rounds.map(cpuPerCall)),
      ours: name.startsWith("sealwire"),
    }));
  const chart = { title: `Server CPU per call in µs, ${drawn} callers`, unit: "less is better", bars };
  return { tables: [...(more?.(series) ?? []), ...tables], chart, raw: series };
}

/** The table of one figure at every number of callers: one row for each variant. */
function byCallers(title: string, series: readonly Series[], cell: (each: Series) => string): Table {
  const counts = [...new Set(series.map(({ callers }) => callers))];
  const names = [...new Set(series.map(({ name }) => name))];
  const rows = names.map((name) => {
    const ofName = series.filter((each) => each.name === name);
    return [ofName[0]?.title ?? name, ...ofName.map(cell)];
  });
  return { title, columns: ["", ...counts.map((count) => (count === 1 ? "1 caller" : `${count} callers`))], rows };
}

/** Server CPU per call and calls per second at every number of callers. */
export function summaries(series: readonly Series[], base: VariantName): readonly Table[] {
  const rounds = (each: Series, of: (round: Measured) => number): number[] => each.rounds.map(of);
  const reference = ({ callers }: Series): Series | undefined =>
    series.find((each) => each.name === base && each.callers === callers);
  return [
    byCallers(`Server CPU per call in µs (× ${base})`, series, (each) => {
      const cpu = rounds(each, cpuPerCall);
      const ratio = medianRatio(cpu, rounds(reference(each) ?? each, cpuPerCall));
      return `${Math.round(median(cpu))} (${ratio.toFixed(2)})`;
    }),
    byCallers("Calls per second (busy share of the server's core)", series, (each) => {
      const busy = median(rounds(each, serverBusy));
      return `${Math.round(median(rounds(each, callsPerSecond))).toLocaleString("en-US")} (${Math.round(busy)} %)`;
    }),
  ];
}
