import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, nonceClaim } from "./store-under-test.ts";

/** What every engine promises of nonces. */
export function replayingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/replaying`);
  const bench = new Bench(engine, test);

  test("a nonce can be claimed once for each client", async () => {
    const claim = nonceClaim(bench.clock.nowMs(), "once");
    assert.is(await bench.replay.claim(claim), true);
    assert.is(await bench.replay.claim(claim), false);
    assert.is(await bench.replay.claim({ ...claim, tsMs: claim.tsMs + 1 }), false);
    assert.is(await bench.replay.claim({ ...claim, clientId: "bob" }), true);
    assert.is(await bench.replay.size(), 2);
  });

  test("one of many claims of a nonce at once wins", async () => {
    const claim = nonceClaim(bench.clock.nowMs(), "contended");
    const all = await Promise.all(Array.from({ length: 50 }, () => bench.replay.claim(claim)));
    assert.is(all.filter(Boolean).length, 1);
  });

  test("a claimed nonce stays claimed after a restart and after a crash", async () => {
    const claim = nonceClaim(bench.clock.nowMs(), "kept");
    assert.is(await bench.replay.claim(claim), true);
    await bench.under.restart();
    assert.is(await bench.replay.claim(claim), false);
    await bench.under.crash();
    assert.is(await bench.replay.claim(claim), false);
    assert.is(await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "new")), true);
  });

  test("after a loss of power no claimed nonce is given again, and new frames pass, if need be once a told delay is over", async () => {
    const claims = Array.from({ length: 5 }, (_, index) =>
      nonceClaim(bench.clock.nowMs() + index * 1_000, `frame ${index}`),
    );
    for (const claim of claims) assert.is(await bench.replay.claim(claim), true);
    await bench.under.losePower();
    for (const claim of claims) {
      assert.is.not(await bench.replay.claim(claim).catch((error) => error.reason), true);
    }
    const passed = await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "fresh")).catch((error) => error);
    if (passed !== true) {
      assert.is(passed.reason, "UNAVAILABLE");
      assert.ok(passed.retryDelayMs > 0 && passed.retryDelayMs <= 20_000);
      bench.clock.advance(passed.retryDelayMs);
    }
    assert.is(await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "later")), true);
  });

  test("a frame stamped far ahead has its nonce spent, survives a loss of power, and delays nobody after one", async () => {
    const ahead = nonceClaim(bench.clock.nowMs() + 3_600_000, "ahead");
    assert.is(await bench.replay.claim(ahead), true);
    await bench.under.losePower();
    assert.is(await bench.replay.claim(ahead), false);
    assert.is(await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "fresh")), true);
  });

  test("a stamp as far ahead as an int64 goes has its nonce spent, too", async () => {
    const ahead = nonceClaim(Number(2n ** 63n - 1n), "far ahead");
    assert.is(await bench.replay.claim(ahead), true);
    assert.is(await bench.replay.claim(ahead), false);
    assert.is(await bench.replay.sweep(), 0);
  });

  test("a sweep forgets nothing that has not expired, and what it forgot is never given again", async () => {
    const old = nonceClaim(bench.clock.nowMs(), "old");
    const young = nonceClaim(bench.clock.nowMs() + 60_000, "young");
    await bench.replay.claim(old);
    await bench.replay.claim(young);
    bench.clock.step(300_000);
    await bench.replay.sweep();
    bench.clock.step(-300_000);
    for (const claim of [old, young]) assert.is(await bench.replay.claim(claim), false);
    bench.clock.step(600_000);
    await bench.replay.sweep();
    assert.is(await bench.replay.size(), 0);
    bench.clock.step(-600_000);
    for (const claim of [old, young]) assert.is(await bench.replay.claim(claim), false);
    assert.is(await bench.replay.claim(nonceClaim(young.tsMs, "as old as a swept one")), false);
    assert.is(await bench.replay.claim(nonceClaim(young.tsMs + 1, "a little younger")), true);
    await bench.under.restart();
    for (const claim of [old, young]) assert.is(await bench.replay.claim(claim), false);
  });

  test("a clock that once stood far ahead leaves no floor above what was claimed", async () => {
    await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "claimed"));
    bench.clock.step(365 * 86_400_000);
    await bench.replay.sweep();
    bench.clock.step(-365 * 86_400_000);
    assert.is(await bench.replay.claim(nonceClaim(bench.clock.nowMs() + 1, "after the clock was set right")), true);
  });

  test("a claim raced by the sweep of its nonce is refused", async () => {
    const claim = nonceClaim(bench.clock.nowMs(), "raced");
    await bench.replay.claim(claim);
    bench.clock.step(300_000);
    const [, again] = await Promise.all([bench.replay.sweep(), bench.replay.claim(claim)]);
    assert.is(again, false);
    assert.is(await bench.replay.claim(claim), false);
  });

  test.run();
}
