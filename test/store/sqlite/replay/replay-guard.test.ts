import { SqliteUnderTest } from "../../../contract/sqlite-under-test.ts";
import { nonceClaim } from "../../../contract/store-under-test.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { rejection } from "../../../support/rejection.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/replay/replay-guard");

let clock = new FakeClock();
let under: SqliteUnderTest;
test.before.each(async () => {
  clock = new FakeClock();
  under = await SqliteUnderTest.open(clock);
});
test.after.each(() => under[Symbol.asyncDispose]());

const claim = (text: string, tsMs = clock.nowMs()) => under.store.replay.claim(nonceClaim(tsMs, text));

test("a claim that a loss of power wiped out is not given again", async () => {
  await claim("raises the mark");
  const onDisk = under.snapshot();
  assert.is(await claim("not synced"), true);
  await under.goBackTo(onDisk, { rebooted: true });
  const refused = await rejection("FRESHNESS_UNKNOWN", claim("not synced"));
  clock.advance(refused.retryDelayMs ?? 0);
  assert.is(await claim("signed after the delay"), true);
});

test("stamps up to 60 s ahead are covered by the mark, too", async () => {
  const tsMs = clock.nowMs() + 60_000;
  await claim("raises the mark", tsMs);
  const onDisk = under.snapshot();
  assert.is(await claim("not synced", tsMs), true);
  await under.goBackTo(onDisk, { rebooted: true });
  await rejection("FRESHNESS_UNKNOWN", claim("not synced", tsMs));
});

test("a sweep removes each nonce once its window has passed by both clocks", async () => {
  await claim("old");
  clock.advance(1_000);
  await under.store.replay.sweep();
  clock.advance(9_000);
  await claim("young", clock.nowMs() + 50_000);
  await under.store.replay.sweep();
  clock.step(600_000);
  await under.store.replay.sweep();
  assert.is(await under.store.replay.size(), 2);
  clock.advance(352_000);
  await under.store.replay.sweep();
  assert.is(await under.store.replay.size(), 1);
});

test("after a process crash on the same boot of the machine nobody is kept waiting", async () => {
  await claim("before");
  await under.crash();
  assert.is(await claim("after"), true);
});

test("where the system names no boot, a crash counts as a loss of power", async () => {
  under.bootId = undefined;
  await under.restart();
  await claim("before");
  await under.crash();
  await rejection("FRESHNESS_UNKNOWN", claim("after"));
});

test("a store that was closed in good order asks nobody to wait, whatever happened to the machine since", async () => {
  await claim("before");
  await under.goBackTo(await under.snapshotClosed(), { rebooted: true });
  assert.is(await claim("before"), false);
  assert.is(await claim("after"), true);
});

test("a second loss of power before anything was claimed still remembers the first", async () => {
  await claim("raises the mark");
  const onDisk = under.snapshot();
  assert.is(await claim("not synced"), true);
  await under.goBackTo(onDisk, { rebooted: true });
  await under.restart();
  await rejection("FRESHNESS_UNKNOWN", claim("not synced"));
  await under.crash();
  await rejection("FRESHNESS_UNKNOWN", claim("not synced"));
});

test.run();
