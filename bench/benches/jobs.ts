import type { Bench, Table } from "../report/result.ts";
import { median } from "../report/statistics.ts";
import type { VariantName } from "../variants/variants.ts";
import { measureInRounds, type Series } from "./rounds.ts";
import { callsPerSecond, seriesTable, withoutServer } from "./series-table.ts";

const ACCEPTING = [
  "accept-sqlite",
  "accept-postgres",
  "accept-bullmq-always",
  "accept-bullmq-everysec",
  "accept-pg-boss",
] as const;
const RUNNING = ["done-sqlite", "done-postgres", "done-bullmq-always", "done-bullmq-everysec"] as const;
const SETTLING = ["settled-sqlite", "settled-postgres"] as const;
const MOST_CALLERS = 64;

/** Jobs: the rate of accepted jobs, the duration of an empty job, and the delay of its watcher. */
export const jobs: Bench = {
  title: "Jobs",
  async run(options) {
    const callers = options.callers.filter((count) => count <= MOST_CALLERS);
    const most = Math.max(...callers);
    const chosen = (names: readonly VariantName[]): readonly VariantName[] =>
      options.variants.length === 0 ? names : names.filter((name) => options.variants.includes(name));
    const measure = (names: readonly VariantName[], counts: readonly number[]): Promise<readonly Series[]> =>
      measureInRounds({ ...options, names: chosen(names), callers: counts });
    const accepted = await measure(ACCEPTING, callers);
    const done = await measure(RUNNING, [...new Set([1, most])]);
    const settled = await measure(SETTLING, [1]);
    const doneBy = (count: number): readonly Series[] => done.filter((each) => each.callers === count);
    const title = `Jobs accepted durably per second, ${most} callers`;
    return {
      tables: [
        ...callers.map((count) =>
          withoutServer(
            seriesTable(
              count === most ? title : `Jobs accepted durably per second, ${count} callers`,
              accepted.filter((each) => each.callers === count),
              "accept-bullmq-always",
            ),
          ),
        ),
        latencies("From the call to the result of an empty job, one at a time", doneBy(1)),
        latencies(`From the call to the result of an empty job, ${most} at a time`, doneBy(most)),
        latencies("From the handler's return to the watcher's event", settled),
      ],
      chart: {
        title,
        unit: "more is better",
        bars: accepted
          .filter((each) => each.callers === most)
          .map(({ name, title: label, rounds }) => ({
            label,
            value: median(rounds.map(callsPerSecond)),
            ours: !name.includes("bullmq") && !name.includes("boss"),
          })),
      },
      raw: [...accepted, ...done, ...settled],
    };
  },
};

function latencies(title: string, series: readonly Series[]): Table {
  return {
    title,
    columns: ["", "jobs/s", "p50 (ms)", "p99 (ms)"],
    rows: series.map(({ title: name, rounds }) => [
      name,
      median(rounds.map(callsPerSecond)),
      median(rounds.map(({ p50Ms }) => p50Ms)),
      median(rounds.map(({ p99Ms }) => p99Ms)),
    ]),
  };
}
