import { SealwireError } from "../../../../src/errors.ts";
import { DEFAULT_FRAME_WINDOW, type NonceClaim } from "../../../../src/store/store.ts";
import { SqliteUnderTest } from "../../../contract/sqlite-under-test.ts";
import { nonceClaim } from "../../../contract/store-under-test.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/replay/clock-steps");

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TICK_MS = 10_000;
const { maxAgeMs, maxAheadMs } = DEFAULT_FRAME_WINDOW;

let clock = new FakeClock();
let under: SqliteUnderTest;
test.before.each(async () => {
  clock = new FakeClock();
  under = await SqliteUnderTest.open(clock);
});
test.after.each(() => under[Symbol.asyncDispose]());

/** Every frame that was accepted. */
let accepted: NonceClaim[] = [];
test.before.each(() => {
  accepted = [];
});

/** What a server with the store's clock says to a frame. */
async function judge(frame: NonceClaim): Promise<string> {
  const ageMs = clock.nowMs() - frame.tsMs;
  if (ageMs > maxAgeMs || -ageMs > maxAheadMs) return "CLOCK_SKEW";
  try {
    return (await under.store.replay.claim(frame)) ? "accepted" : "REPLAYED";
  } catch (error) {
    return SealwireError.from(error).reason;
  }
}

/**
 * Serves a client whose clock is the server's, frame by frame. All that was ever accepted is sent again at each step and
 * must not be accepted. Gives what the client's frames came to.
 */
async function serve(ms: number): Promise<Set<string>> {
  const answers = new Set<string>();
  for (let passedMs = 0; passedMs < ms; passedMs += TICK_MS) {
    for (const frame of accepted) assert.is.not(await judge(frame), "accepted", `again at ${clock.nowMs()}`);
    const frame = nonceClaim(clock.nowMs(), `frame ${accepted.length} ${clock.monotonicMs()}`);
    const answer = await judge(frame);
    if (answer === "accepted") accepted.push(frame);
    answers.add(answer);
    await under.store.replay.sweep();
    clock.advance(TICK_MS);
  }
  return answers;
}

const FINE = new Set(["accepted"]);
const RESTARTS: Readonly<Record<string, readonly number[]>> = {
  "in one process": [],
  "with restarts after each step": [1, 2],
};

for (const [size, stepMs] of Object.entries({ "an hour": HOUR_MS, "a day": DAY_MS })) {
  for (const [how, restarts] of Object.entries(RESTARTS)) {
    const restart = async (step: number) => {
      if (restarts.includes(step)) await under.restart();
    };

    test(`a clock set ${size} ahead for ten minutes, ${how}, keeps nobody waiting and opens nothing`, async () => {
      assert.equal(await serve(10 * MINUTE_MS), FINE);
      clock.step(stepMs);
      await restart(1);
      assert.equal(await serve(10 * MINUTE_MS), FINE);
      clock.step(-stepMs);
      await restart(2);
      assert.equal(await serve(15 * MINUTE_MS), FINE);
    });

    test(`a clock set ${size} back for ten minutes, ${how}, opens nothing, and all is well once it is right`, async () => {
      assert.equal(await serve(10 * MINUTE_MS), FINE);
      clock.step(-stepMs);
      await restart(1);
      // Of that time nothing was accepted, so frames of it are new.
      assert.equal(await serve(10 * MINUTE_MS), FINE);
      clock.step(stepMs);
      await restart(2);
      assert.equal(await serve(15 * MINUTE_MS), FINE);
    });
  }
}

test("a clock set back into a time that was served says that it cannot tell, and never that a frame is a repeat", async () => {
  assert.equal(await serve(HOUR_MS), FINE);
  clock.step(-40 * MINUTE_MS);
  assert.equal(await serve(MINUTE_MS), new Set(["FRESHNESS_UNKNOWN"]));
  await under.restart();
  assert.equal(await serve(MINUTE_MS), new Set(["FRESHNESS_UNKNOWN"]));
  clock.step(40 * MINUTE_MS);
  assert.equal(await serve(MINUTE_MS), FINE);
});

test("when the time comes at which the clock once stood ahead, only frames of those minutes are refused", async () => {
  clock.step(HOUR_MS);
  assert.equal(await serve(10 * MINUTE_MS), FINE);
  clock.step(-HOUR_MS);
  assert.equal(await serve(HOUR_MS - 10 * MINUTE_MS), FINE);
  const then = await serve(10 * MINUTE_MS);
  assert.ok([...then].every((answer) => ["accepted", "FRESHNESS_UNKNOWN"].includes(answer)));
  assert.equal(await serve(10 * MINUTE_MS), FINE);
});

test("a machine that sleeps for a night and wakes up goes on at once", async () => {
  assert.equal(await serve(10 * MINUTE_MS), FINE);
  clock.step(8 * HOUR_MS);
  assert.equal(await serve(10 * MINUTE_MS), FINE);
  clock.step(HOUR_MS);
  await under.restart();
  assert.equal(await serve(10 * MINUTE_MS), FINE);
});

test("a clock that stood ahead does not keep anybody waiting after a loss of power either", async () => {
  clock.step(HOUR_MS);
  await serve(MINUTE_MS);
  clock.step(-HOUR_MS);
  await serve(MINUTE_MS);
  await under.losePower();
  clock.advance(2 * MINUTE_MS);
  assert.equal(await serve(MINUTE_MS), FINE);
});

test.run();
