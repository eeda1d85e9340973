import { callsOf, heldCalls, holdCalls } from "../../test/hostile/held-calls.ts";
import { HostileSite } from "../../test/hostile/hostile-site.ts";
import { count, type Measured } from "../../test/hostile/measured.ts";
import type { Bench } from "../report/result.ts";
import { median } from "../report/statistics.ts";

/** The latency of a legitimate client during the attacks of the hostile suite. */
export const hostile: Bench = {
  title: "Hostile neighbours",
  async run({ rounds, seconds, progress }) {
    const measured: { readonly name: string; readonly found: readonly Measured[] }[] = [];
    for (const [name, held] of Object.entries(heldCalls)) {
      await using site = await HostileSite.start();
      const found: Measured[] = [];
      for (let round = 0; round < rounds; round += 1) {
        progress(`${name}, round ${round + 1} of ${rounds}`);
        const each = await site.measure(name, holdCalls(held), 4 * seconds);
        if (each.count < callsOf(held)) throw new Error(`${name}: only ${each.count} calls were opened`);
        found.push(each);
      }
      measured.push({ name, found });
    }
    const of = (found: readonly Measured[], figure: (each: Measured) => number): number => median(found.map(figure));
    return {
      settings: `${rounds} rounds, 50 calls a second, server and both clients on all cores`,
      tables: [
        {
          title: "Calls of batch_sum on a connection of their own",
          columns: ["attack", "p99 without (ms)", "p99 beside (ms)", "failed", "server's memory grew by (MiB)"],
          rows: measured.map(({ name, found }) => [
            name,
            of(found, ({ calm }) => calm.p99),
            of(found, ({ attacked }) => attacked.p99),
            found.reduce((sum, { attacked }) => sum + count(attacked.failures), 0),
            of(found, ({ memory }) => memory.peak - memory.before),
          ]),
        },
      ],
      raw: measured,
    };
  },
};
