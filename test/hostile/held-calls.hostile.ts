// test-limit-ms: 300000
import { suite } from "../support/suite.ts";
import { callsOf, heldCalls, holdCalls } from "./held-calls.ts";
import { HostileSite } from "./hostile-site.ts";
import { assertUnharmed } from "./measured.ts";

const test = suite("hostile/held-calls");

for (const [name, held] of Object.entries(heldCalls)) {
  test(name, async () => {
    // A short time, so that calls run out of it, and others are opened, while the honest client is measured.
    await using site = await HostileSite.start({ limits: { requestTimeoutMs: 2000 } });
    const harm = { growthMiB: 200, countLeast: callsOf(held) };
    assertUnharmed(await site.measure(name, holdCalls(held)), harm);
  });
}

test.run();
