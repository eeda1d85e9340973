import { REFUSED_NONCES_MAX } from "../../src/store/refused-stamps.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, nonceClaim } from "./store-under-test.ts";

const HOUR_MS = 3_600_000;

/** Requirements on every engine: replay protection by nonces. */
export function replayingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/replaying`);
  const bench = new Bench(engine, test);
  /** Advances all clocks, with a sweep before and after. */
  const passTime = async (ms: number): Promise<void> => {
    await bench.replay.sweep();
    bench.clock.advance(ms);
    await bench.replay.sweep();
  };

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
    for (const claim of claims) assert.is.not(await bench.claim(claim), true);
    const passed = await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "fresh")).catch((error) => error);
    if (passed !== true) {
      assert.is(passed.reason, "FRESHNESS_UNKNOWN");
      assert.ok(passed.retryDelayMs > 0 && passed.retryDelayMs <= 20_000);
      bench.clock.advance(passed.retryDelayMs);
    }
    assert.is(await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "later")), true);
  });

  test("a frame refused for standing ahead is never accepted, survives a loss of power, and delays nobody after one", async () => {
    const ahead = nonceClaim(bench.clock.nowMs() + HOUR_MS, "ahead");
    await bench.replay.refuse(ahead);
    await bench.under.losePower();
    assert.is(await bench.claim(nonceClaim(bench.clock.nowMs(), "fresh")), true);
    bench.clock.step(HOUR_MS);
    assert.is(await bench.claim(ahead), false);
    assert.is(await bench.claim({ ...ahead, clientId: "bob" }), true, "another client's");
    assert.is(await bench.claim(nonceClaim(ahead.tsMs, "of the same stamp")), true);
  });

  test("a client's refused frames are kept one by one up to a number, beyond it by the range of their stamps", async () => {
    const startMs = bench.clock.nowMs() + HOUR_MS;
    const refused = Array.from({ length: REFUSED_NONCES_MAX + 50 }, (_, index) =>
      nonceClaim(startMs + index * 100, `refused ${index}`),
    );
    for (const claim of refused) await bench.replay.refuse(claim);
    const held = await bench.replay.size();
    await bench.under.restart();
    assert.is(await bench.replay.size(), held);
    assert.is(held, REFUSED_NONCES_MAX);
    bench.clock.step(HOUR_MS + 90_000);
    for (const claim of refused) assert.is.not(await bench.claim(claim), true);
    assert.is(await bench.claim(nonceClaim(startMs, "before the range")), true);
    const within = nonceClaim(refused.at(-1)?.tsMs ?? 0, "within the range");
    const { retryDelayMs = 0 } = await rejection("FRESHNESS_UNKNOWN", bench.replay.claim(within));
    assert.ok(retryDelayMs > 0 && retryDelayMs <= 20_000);
    assert.is(await bench.claim({ ...within, clientId: "bob" }), true, "another client's");
    assert.is(await bench.claim(nonceClaim(within.tsMs + retryDelayMs, "after the range")), true);
  });

  test("stamps more than a day ahead, up to where an int64 ends, take no room for each", async () => {
    const far = [25 * HOUR_MS, 400 * 24 * HOUR_MS, Number(2n ** 63n - 1n) - bench.clock.nowMs()];
    for (const aheadMs of far) {
      for (let index = 0; index < 20; index += 1) {
        await bench.replay.refuse(nonceClaim(bench.clock.nowMs() + aheadMs + index, `far ${aheadMs} ${index}`));
      }
    }
    assert.is(await bench.replay.size(), 0);
    assert.is(await bench.replay.sweep(), 0);
    await bench.under.restart();
    bench.clock.step(25 * HOUR_MS);
    assert.is(await bench.claim(nonceClaim(bench.clock.nowMs(), `far ${far[0]} 0`)), "FRESHNESS_UNKNOWN");
    assert.is(await bench.claim(nonceClaim(bench.clock.nowMs() + 20_000, "a little later")), true);
    bench.clock.step(100 * 24 * HOUR_MS);
    assert.is(await bench.claim(nonceClaim(bench.clock.nowMs(), "between the ranges")), true);
  });

  test("a sweep forgets nothing that has not expired, and what it forgot is never given again", async () => {
    const old = nonceClaim(bench.clock.nowMs(), "old");
    await bench.replay.claim(old);
    await passTime(200_000);
    const young = nonceClaim(bench.clock.nowMs() + 60_000, "young");
    await bench.replay.claim(young);
    await passTime(250_000);
    for (const claim of [old, young]) assert.is.not(await bench.claim(claim), true);
    assert.is(await bench.claim(young), false);
    await passTime(900_000);
    assert.is(await bench.replay.size(), 0);
    for (const claim of [old, young]) assert.is(await bench.claim(claim), "FRESHNESS_UNKNOWN");
    assert.is(await bench.claim(nonceClaim(young.tsMs, "as old as a swept one")), "FRESHNESS_UNKNOWN");
    await bench.under.restart();
    for (const claim of [old, young]) assert.is(await bench.claim(claim), "FRESHNESS_UNKNOWN");
    assert.is(await bench.claim(nonceClaim(bench.clock.nowMs(), "now")), true);
  });

  test("a clock that stood far ahead for minutes leaves today's frames open", async () => {
    await bench.replay.claim(nonceClaim(bench.clock.nowMs(), "claimed"));
    bench.clock.step(365 * 24 * HOUR_MS);
    await bench.replay.sweep();
    bench.clock.step(-365 * 24 * HOUR_MS);
    assert.is(await bench.claim(nonceClaim(bench.clock.nowMs() + 1, "after the clock was set right")), true);
  });

  test("a wider window is remembered by the store, and what was accepted before is not accepted again", async () => {
    const old = nonceClaim(bench.clock.nowMs(), "old");
    await bench.replay.claim(old);
    await passTime(420_000);
    await bench.replay.widen({ maxAgeMs: 600_000, maxAheadMs: 300_000 });
    assert.is.not(await bench.claim(old), true);
    const late = nonceClaim(bench.clock.nowMs() + 300_000, "late");
    assert.is(await bench.claim(late), true);
    await bench.under.restart();
    await passTime(800_000);
    assert.is.not(await bench.claim(late), true);
  });

  test("a store that is not trusted refuses what a server could have accepted until now, and takes what comes after", async () => {
    await bench.replay.widen({ maxAgeMs: 300_000, maxAheadMs: 300_000 });
    await bench.replay.distrust();
    await bench.under.restart();
    const accepted = nonceClaim(bench.clock.nowMs() + 300_000, "accepted by the store before");
    const { retryDelayMs = 0 } = await rejection("FRESHNESS_UNKNOWN", bench.replay.claim(accepted));
    bench.clock.advance(300_000 + retryDelayMs);
    assert.is(await bench.claim(nonceClaim(bench.clock.nowMs(), "signed since")), true);
  });

  test("a claim raced by the sweep of its nonce is refused", async () => {
    const claim = nonceClaim(bench.clock.nowMs(), "raced");
    await bench.replay.claim(claim);
    await bench.replay.sweep();
    bench.clock.advance(900_000);
    const [, again] = await Promise.all([bench.replay.sweep(), bench.claim(claim)]);
    assert.is.not(again, true);
    assert.is.not(await bench.claim(claim), true);
  });

  test.run();
}
