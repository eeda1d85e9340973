import { systemClock } from "../../src/runtime/clock.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { resolveUpstreams } from "../../src/upstream/options.ts";
import { Upstream } from "../../src/upstream/upstream.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { SERVICE, startFaultUpstream } from "./fault-upstream.ts";

const test = suite("upstream/renewal");

test("an upstream counts as serving while its connections are renewed again and again", async () => {
  await using fault = await startFaultUpstream(() => {});
  const [options] = resolveUpstreams([fault.options]);
  assert.ok(options);
  const changes: boolean[] = [];
  const observer = { upstreamServes: (_upstream: string, _service: string, serves: boolean) => changes.push(serves) };
  const upstream = new Upstream({ options, clock: systemClock, logger: silentLogger, observers: [observer] });
  upstream.use([SERVICE]);
  await eventually("it serves", () => upstream.isServing(SERVICE));
  for (let count = 0; count < 30; count += 1) {
    upstream.renew();
    // The check over the new connection has begun, and has not ended.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually("it serves", () => upstream.isServing(SERVICE));
  upstream.close();
  assert.equal(changes, [false, true]);
});

test.run();
