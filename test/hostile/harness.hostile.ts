import { kill } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { assert, suite } from "../support/suite.ts";
import { HostileSite } from "./hostile-site.ts";
import { assertUnharmed, harmDone } from "./measured.ts";

const test = suite("hostile/harness");

test("without an attack nobody is harmed, and one that stops the server is noticed", async () => {
  await using site = await HostileSite.start();
  assertUnharmed(await site.measure("no attack", async () => () => {}, 2), { p99Ms: 250, growthMiB: 150 });
  const stopped = await site.measure("the server stopped for a second", async ({ pid }) => {
    const stopped = delay(2000).then(() => kill(pid, "SIGSTOP"));
    const going = delay(3000).then(() => kill(pid, "SIGCONT"));
    return () => Promise.all([stopped, going]);
  });
  assert.match(harmDone(stopped, { p99Ms: 250, growthMiB: 150 }).join(), "p99");
});

test.run();
