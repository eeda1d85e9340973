import { type Bench, describeSettings, type Table } from "../report/result.ts";
import type { VariantName } from "../variants/variants.ts";
import { compare } from "./compared.ts";
import type { Series } from "./rounds.ts";
import { cpuPerCall } from "./series-table.ts";

const WHOLE = "sealwire-sqlite";
/** Each part with the variant that lacks it. */
const PARTS: readonly (readonly [part: string, without: VariantName])[] = [
  ["signatures: verified and made", "sealwire-unsigned"],
  ["strict parse and rules of the arguments", "sealwire-unvalidated"],
  ["replay guard: a nonce in the store", "sealwire-replayable"],
];
/** Factor for the rounds: a part's cost is a small difference of two figures. */
const TIMES_ROUNDS = 4;
const BARE = "sealwire-bare";
const OBSERVED = "sealwire-observed";

/** The cost of each part of Sealwire: the same call without this part. */
export const parts: Bench = {
  title: "A call of batch_sum with parts of Sealwire left out",
  async run(options) {
    const longer = { ...options, callers: [64], rounds: options.rounds * TIMES_ROUNDS };
    const names = ["grpc-js", WHOLE, ...PARTS.map(([, without]) => without), BARE, OBSERVED] as const;
    const findings = await compare({ names, base: WHOLE, more: (series) => [costs(series)] }, longer);
    return { ...findings, settings: describeSettings(longer) };
  },
};

/**
 * What each part takes of a call, by the quietest round of each variant. Whatever else the machine does only adds to a
 * round, and may add more than a part takes.
 */
function costs(series: readonly Series[]): Table {
  const of = (name: VariantName): number =>
    Math.min(...(series.find((each) => each.name === name)?.rounds.map(cpuPerCall) ?? []));
  const whole = of(WHOLE);
  const single = PARTS.map(([part, without]) => [part, whole - of(without)] as const);
  const rows: readonly (readonly [string, number])[] = [
    ...single,
    ["the sum of these", single.reduce((sum, [, cost]) => sum + cost, 0)],
    ["all three, left out together", whole - of(BARE)],
    ["what remains: grpc-js, frames, admission, the tool", of(BARE)],
    ["the whole call", whole],
    ["log and metrics, in addition", of(OBSERVED) - whole],
    ["for comparison: grpc-js", of("grpc-js")],
  ];
  return {
    title: "What each part takes of the server's CPU, 64 callers, by the quietest round",
    columns: ["", "µs per call", "share of a call (%)"],
    rows: rows.map(([label, cost]) => [label, cost, (cost / whole) * 100]),
  };
}
