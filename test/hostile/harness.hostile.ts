import { spawn } from "node:child_process";
import { once } from "node:events";
import { kill } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { assert, suite } from "../support/suite.ts";
import { HostileSite } from "./hostile-site.ts";
import { assertUnharmed, harmDone } from "./measured.ts";
import { residentMiB } from "./resident-memory.ts";

const test = suite("hostile/harness");

test("without an attack nobody is harmed, and one that stops the server is noticed", async () => {
  await using site = await HostileSite.start();
  const harm = { growthMiB: 150, countLeast: 0 };
  const calm = await site.measure("no attack", async () => ({ count: () => 0, end() {} }), 2);
  assertUnharmed(calm, harm);
  assert.match(harmDone(calm, { ...harm, countLeast: 1 }).join(), "did not take place");
  const stopped = await site.measure("the server stopped for seven seconds", async ({ pid }) => {
    let stops = 0;
    const stopped = delay(4000).then(() => {
      kill(pid, "SIGSTOP");
      stops += 1;
    });
    const going = delay(11_000).then(() => kill(pid, "SIGCONT"));
    return { count: () => stops, end: () => Promise.all([stopped, going]) };
  });
  assert.is(stopped.count, 1);
  assert.match(harmDone(stopped, harm).join(), "DEADLINE_EXCEEDED");
});

test("the memory of a process that has ended is no small one", async () => {
  const child = spawn(process.execPath, ["--eval", ""]);
  await once(child, "exit");
  const thrown = await residentMiB(child.pid ?? 0).catch((error: Error) => error);
  assert.instance(thrown, Error);
});

test.run();
