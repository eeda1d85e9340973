import type { TraceIds } from "../request/access-log.ts";

/** Content type of the format that has exemplars. */
export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Writes the `le` of a bucket, as the text format does. */
const shown = (bound: number): string => (Number.isFinite(bound) ? String(bound) : "+Inf");

/** The last exported trace in each bucket of one histogram, for OpenMetrics. */
export class Exemplars {
  readonly #histogram: string;
  readonly #bounds: readonly number[];
  readonly #label: string;
  /** Written exemplars by the beginning of their lines, up to the labels that are looked for. */
  readonly #last = new Map<string, string>();

  /** `label`: the label of the histogram that distinguishes its series. `bounds`: upper bounds of its buckets. */
  constructor(histogram: string, label: string, bounds: readonly number[]) {
    this.#histogram = histogram;
    this.#label = label;
    this.#bounds = [...bounds, Number.POSITIVE_INFINITY];
  }

  /** Remembers the trace of an observation. */
  note(series: string, seconds: number, { trace_id, span_id }: TraceIds, nowMs: number): void {
    const bound = this.#bounds.find((each) => seconds <= each) ?? Number.POSITIVE_INFINITY;
    const labels = `trace_id="${trace_id}",span_id="${span_id}"`;
    this.#last.set(`${shown(bound)} ${series}`, `{${labels}} ${seconds} ${(nowMs / 1000).toFixed(3)}`);
  }

  /** Converts the Prometheus text format to OpenMetrics, with the exemplars. */
  write(text: string): string {
    const counters = new Set([...text.matchAll(/^# TYPE (\S+)_total counter$/gm)].map(([, name]) => name));
    const bucket = `${this.#histogram}_bucket{`;
    const lines = text.split("\n").filter((line) => line !== "");
    const written = lines.map((line) => {
      if (line.startsWith("# ")) return withoutTotal(line, counters);
      if (!line.startsWith(bucket)) return line;
      const [, bound = ""] = /[{,]le="([^"]*)"/.exec(line) ?? [];
      const [, series = ""] = new RegExp(`[{,]${this.#label}="([^"]*)"`).exec(line) ?? [];
      const exemplar = this.#last.get(`${bound} ${series}`);
      return exemplar === undefined ? line : `${line} # ${exemplar}`;
    });
    return `${written.join("\n")}\n# EOF\n`;
  }
}

/** In OpenMetrics the name of a counter has no ending; only its sample has. */
function withoutTotal(line: string, counters: ReadonlySet<string | undefined>): string {
  return line.replace(/^(# (?:HELP|TYPE) )(\S+)_total /, (all, start: string, name: string) =>
    counters.has(name) ? `${start}${name} ` : all,
  );
}
