import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupSqliteStore } from "../../../../src/store/sqlite/backup.ts";
import { openSqliteStore } from "../../../../src/store/sqlite/open.ts";
import { narrowSqliteAhead } from "../../../../src/store/sqlite/replay/narrow-ahead.ts";
import { run } from "../../../cli/cli-run.ts";
import { nonceClaim } from "../../../contract/store-under-test.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { rejection } from "../../../support/rejection.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/replay/narrow-ahead");

const WIDE = { maxAgeMs: 300_000, maxAheadMs: 60_000 };
const NARROW = { maxAgeMs: 300_000, maxAheadMs: 2_000 };

let folder: string;
let path: string;
let clock: FakeClock;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-narrow-"));
  path = join(folder, "sealwire.db");
  clock = new FakeClock();
});
test.after.each(() => rmSync(folder, { recursive: true }));

const open = (at = path) => openSqliteStore({ path: at, clock, bootId: "boot" });

test("what was accepted by the wider bound is refused until its time has passed, and a copy made later forgets none of it", async () => {
  const ahead = nonceClaim(clock.nowMs() + 59_000, "far ahead");
  {
    await using store = await open();
    await store.replay.widen(WIDE);
    assert.is(await store.replay.claim(ahead), true);
  }
  const startMs = clock.nowMs();
  const bound = await narrowSqliteAhead({ path, maxAheadMs: 2_000, clock });
  assert.equal(bound, { beforeMs: 60_000, afterMs: 2_000, refusedUntilMs: startMs + 60_000 });
  assert.equal(await narrowSqliteAhead({ path, maxAheadMs: 2_000, clock }), { beforeMs: 2_000, afterMs: 2_000 });
  const copy = join(folder, "copy.db");
  await backupSqliteStore({ path, to: copy });
  for (const at of [path, copy]) {
    await using store = await open(at);
    await store.replay.widen(NARROW);
    await rejection("FRESHNESS_UNKNOWN", store.replay.claim({ ...ahead, nonce: Buffer.alloc(32, 1) }));
  }
});

test("a copy of a narrowed store refuses frames for no longer than its bound", async () => {
  {
    await using store = await open();
    await store.replay.widen(NARROW);
  }
  await narrowSqliteAhead({ path, maxAheadMs: 2_000, clock });
  clock.advance(60_001);
  const copy = join(folder, "copy.db");
  await backupSqliteStore({ path, to: copy });
  await using store = await open(copy);
  await store.replay.widen(NARROW);
  const refused = await rejection("FRESHNESS_UNKNOWN", store.replay.claim(nonceClaim(clock.nowMs(), "now")));
  clock.advance(refused.retryDelayMs ?? 0);
  assert.ok((refused.retryDelayMs ?? Number.POSITIVE_INFINITY) <= 2_001, String(refused.retryDelayMs));
  assert.is(await store.replay.claim(nonceClaim(clock.nowMs(), "later")), true);
});

test("`store narrow` says what it changed, and leaves a store alone that a server uses", async () => {
  await (await open())[Symbol.asyncDispose]();
  const narrow = () => run(["store", "narrow", "--max-ahead", "2s", "--data", folder]);
  const first = await narrow();
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stderr, "max_ahead_ms 2000 in place of 60000. Frames up to");
  assert.is((await narrow()).stderr, "The store has max_ahead_ms 2000 already.\n");
  await using _store = await open();
  const used = await narrow();
  assert.is(used.code, 2);
  assert.match(used.stderr, "Another process owns the store");
});

test.run();
