import { SealwireClient } from "../../src/client/client.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { sumArgs } from "./peers/numbers.ts";

const test = suite("client/rate-limited");

/** How often each of many calls at once is refused, in order, for one of the reasons that tell a delay. */
async function refusals(calls: number, options: { limits: object; pipeline: boolean }) {
  await using server = await startServer({ clients: { alice: { limits: options.limits } } });
  const refused = new Map<unknown, number>();
  const logger = {
    ...silentLogger,
    debug: ({ requestId, reason: told }: { readonly requestId?: string; readonly reason?: string }) =>
      void (told === "RATE_LIMITED" && refused.set(requestId, (refused.get(requestId) ?? 0) + 1)),
  };
  await using client = new SealwireClient({ credentials: server.credentials(), logger, pipeline: options.pipeline });
  const results = await Promise.all(Array.from({ length: calls }, () => client.call("batch_sum", sumArgs)));
  assert.ok(results.every(({ ok }) => ok));
  const counts = [...refused.values()];
  return [...counts, ...Array<number>(calls - counts.length).fill(0)].sort((one, other) => one - other);
}

for (const pipeline of [false, true]) {
  test(`a thousand calls at once are refused twice at most, by the median${pipeline ? ", over one stream" : ""}`, async () => {
    const limits = { callsPerSecond: 400, burst: 200 };
    const counts = await refusals(1000, { limits, pipeline });
    assert.ok((counts[500] as number) <= 2, `median ${counts[500]}, most ${counts.at(-1)}`);
    assert.ok(counts.reduce((sum, count) => sum + count) <= 2000, `most ${counts.at(-1)}`);
  });
}

test.run();
