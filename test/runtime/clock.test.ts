import { afterSteps, sleep, systemClock } from "../../src/runtime/clock.ts";
import { holdProcess } from "../../src/runtime/hold-process.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/clock");

test("a delay beyond what Node's timers take does not fire early, nor does Node complain", async () => {
  using _ = holdProcess();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);
  process.on("warning", onWarning);
  let fired = 0;
  const timers = [2 ** 31, 2 ** 40, Infinity].map((delayMs) =>
    systemClock.after(delayMs, () => {
      fired += 1;
    }),
  );
  await sleep(systemClock, 20);
  for (const timer of timers) timer[Symbol.dispose]();
  process.off("warning", onWarning);
  assert.equal([fired, warnings], [0, []]);
});

test("a delay made of several timers fires once, when all of it is over", async () => {
  const startedMs = performance.now();
  let fired = 0;
  const over = Promise.withResolvers<void>();
  using _ = holdProcess();
  afterSteps(
    55,
    () => {
      fired += 1;
      over.resolve();
    },
    10,
  );
  // A turn that takes long: Node counts timers from its begin.
  while (performance.now() - startedMs < 8);
  await over.promise;
  assert.ok(performance.now() - startedMs >= 55);
  await sleep(systemClock, 20);
  assert.is(fired, 1);
});

test("a delay made of several timers can be called off in any of them", async () => {
  using _ = holdProcess();
  let fired = 0;
  const timer = afterSteps(
    30,
    () => {
      fired += 1;
    },
    5,
  );
  await sleep(systemClock, 12);
  timer[Symbol.dispose]();
  await sleep(systemClock, 40);
  assert.is(fired, 0);
});

test.run();
