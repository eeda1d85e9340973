import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HandBackError } from "../../../src/jobs/hand-back.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { compareLayout } from "../../../src/store/layout.ts";
import { REFUSED_NONCES_TOTAL_MAX } from "../../../src/store/refused-stamps.ts";
import { MIGRATIONS } from "../../../src/store/sqlite/migrations.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { readLayout } from "../../../src/store/sqlite/schema.ts";
import type { NonceClaim, Store } from "../../../src/store/store.ts";
import { run } from "../../cli/cli-run.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/sqlite/upgrade");

/** When the store of 0.1 was made (make-released-store.ts). */
const NOW_MS = Date.UTC(2026, 0, 1, 12);
const RELEASED = readFileSync(join(import.meta.dirname, "released-store-1.sql"), "utf8");

let folder = "";
let path = "";
let clock = new FakeClock(NOW_MS);
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-upgrade-"));
  path = join(folder, "sealwire.db");
  clock = new FakeClock(NOW_MS + 1_000);
  change(RELEASED);
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

/** Changes the database as software of another version would. */
function change(sql: string): void {
  using db = new DatabaseSync(path);
  db.exec(`${sql}; PRAGMA journal_mode = WAL`);
}

function layout(): unknown {
  using db = new DatabaseSync(path, { readOnly: true });
  return db.prepare("PRAGMA user_version").get()?.user_version;
}

const CLEANLY = "UPDATE store_state SET closed_cleanly = 1";
const open = (): Promise<Store> => openSqliteStore({ path, clock, bootId: "boot 0" });
const claim = (text: string, tsMs = NOW_MS): NonceClaim => ({
  clientId: "alice",
  nonce: Buffer.from(text.padEnd(16, ".")),
  tsMs,
});

test("a store of 0.1 with jobs in every state keeps all of them, their results, arguments and request ids", async () => {
  change(CLEANLY);
  await using store = await open();
  const { jobs } = await store.jobs.list({ owner: "alice", states: [], pageSize: 50 });
  assert.equal(Object.fromEntries(jobs.map(({ tool, state }) => [tool, state])), {
    succeeds: "SUCCEEDED",
    fails: "FAILED",
    retries: "QUEUED",
    // Its process is gone: it is tried again.
    runs: "QUEUED",
    waits: "QUEUED",
    "is-cancelled": "CANCELLED",
  });
  const succeeded = jobs.find(({ tool }) => tool === "succeeds");
  assert.equal(await store.jobs.result("alice", succeeded?.jobId ?? ""), new Uint8Array(Buffer.from("result")));
  const ran = new Map<string, string>();
  await using _worker = await store.jobs.work(
    new Map(
      ["runs", "retries", "waits"].map((tool) => [
        tool,
        async ({ args }) => {
          ran.set(tool, Buffer.from(args).toString());
          return Buffer.from("done");
        },
      ]),
    ),
    { concurrency: 3 },
  );
  await eventually("all jobs to end", async () => {
    clock.advance(1_000);
    return ran.size === 3;
  });
  assert.is(ran.get("runs"), "args of runs");
});

test("a store of 0.1 keeps its intents and its nonces, those refused for standing ahead among them", async () => {
  change(CLEANLY);
  await using store = await open();
  const digest = Buffer.alloc(32, 7);
  assert.is((await store.intents.begin("alice", "finished intent", digest)).kind, "finished");
  assert.is((await store.intents.begin("alice", "cut off intent", digest)).kind, "unknown");
  for (const text of ["one", "two", "three"]) assert.is(await store.replay.claim(claim(text)), false, text);
  assert.is(await store.replay.claim(claim("four", NOW_MS + 1_000)), true);
  assert.is(await store.replay.claim(claim("3600000", NOW_MS + 3_600_000)), false);
  assert.is(await store.replay.size(), 7);
});

test("the upgrade is said once, later starts find nothing to do, and `store migrate --check` tells which it is", async () => {
  change(CLEANLY);
  const check = () => run(["store", "migrate", "--check", "--data", folder]);
  const before = await check();
  assert.is(before.code, 1);
  assert.match(before.stderr, "the store has layout 1, this sealwire makes 5");
  assert.is(layout(), 1, "nothing was changed");
  const said: string[] = [];
  const logger = { ...silentLogger, info: (_fields: object, message = "") => void said.push(message) };
  for (let start = 0; start < 2; start += 1) {
    await (await openSqliteStore({ path, clock, logger, bootId: "boot 0" }))[Symbol.asyncDispose]();
  }
  assert.equal(
    said.filter((message) => message.includes("layout")),
    ["the store was migrated to this version's layout; older software can no longer use it"],
  );
  assert.is((await check()).code, 0);
});

test("`store migrate --data` upgrades a store, and a second time changes nothing", async () => {
  change(CLEANLY);
  const first = await run(["store", "migrate", "--data", folder]);
  assert.equal([first.code, first.stderr], [0, "The store was migrated from layout 1 to 5.\n"]);
  assert.is((await run(["store", "migrate", "--data", folder])).stderr, "The store has layout 5 already.\n");
});

for (let layout = 1; layout < MIGRATIONS.length; layout += 1) {
  test(`a store of layout ${layout} is upgraded with its jobs, its intents and its nonces`, async () => {
    change(CLEANLY);
    {
      using db = new DatabaseSync(path);
      const made = { pageKey: Buffer.alloc(32), storeId: `store of layout ${layout}`, nowMs: NOW_MS };
      for (const step of MIGRATIONS.slice(1, layout)) step.apply(db, made);
      db.exec(`PRAGMA user_version = ${layout}`);
    }
    await using store = await open();
    const { byState } = await store.jobs.stats();
    assert.equal(byState, { QUEUED: 3, RUNNING: 0, SUCCEEDED: 1, FAILED: 1, CANCELLED: 1 });
    assert.is((await store.intents.begin("alice", "finished intent", Buffer.alloc(32, 7))).kind, "finished");
    assert.is(await store.replay.claim(claim("one")), false);
    assert.is(await store.replay.claim(claim("new", NOW_MS + 1_000)), true);
  });
}

test("a store of layout 2 keeps its jobs, and counts them by state as it did", async () => {
  change(CLEANLY);
  let before: unknown;
  {
    using db = new DatabaseSync(path);
    MIGRATIONS[1]?.apply(db, { pageKey: Buffer.alloc(32), storeId: "store of layout 2", nowMs: NOW_MS });
    db.exec("PRAGMA user_version = 2");
    before = db.prepare("SELECT state, sum(jobs) AS jobs FROM job_count GROUP BY state ORDER BY state").all();
  }
  {
    await using store = await open();
    assert.is(store.identity.id, "store of layout 2");
    assert.is(await store.replay.claim(claim("one")), false);
    // Its process is gone: the job that ran is queued again.
    const { byState } = await store.jobs.stats();
    assert.equal(byState, { QUEUED: 3, RUNNING: 0, SUCCEEDED: 1, FAILED: 1, CANCELLED: 1 });
  }
  assert.equal(
    (before as { state: string; jobs: number }[]).map(({ state, jobs }) => `${state} ${jobs}`),
    ["CANCELLED 1", "FAILED 1", "QUEUED 2", "RUNNING 1", "SUCCEEDED 1"],
  );
  using db = new DatabaseSync(path, { readOnly: true });
  assert.is(compareLayout(readLayout(db, path), 2), "incompatible", "software of layout 2 refuses it");
});

test("a store of layout 3 keeps its intents, none of which is run again, and its jobs, which were never handed back", async () => {
  change(CLEANLY);
  {
    using db = new DatabaseSync(path);
    const made = { pageKey: Buffer.alloc(32), storeId: "store of layout 3", nowMs: NOW_MS };
    for (const step of MIGRATIONS.slice(1, 3)) step.apply(db, made);
    db.exec("PRAGMA user_version = 3");
  }
  {
    await using store = await open();
    const begin = (requestId: string, repeatable: boolean) =>
      store.intents.begin("alice", requestId, Buffer.alloc(32, 7), { repeatable });
    assert.is((await begin("finished intent", true)).kind, "finished");
    assert.is((await begin("cut off intent", true)).kind, "unknown");
    assert.is((await begin("new intent", true)).kind, "begun");
    const attempts: number[] = [];
    await using _worker = await store.jobs.work(
      new Map([
        [
          "waits",
          async ({ attempt }) => {
            attempts.push(attempt);
            if (attempt <= 10) throw new HandBackError("shutting down", { began: true, delayMs: 0 });
            return Buffer.from("done");
          },
        ],
      ]),
      { concurrency: 1 },
    );
    await eventually("the job that waits to succeed", async () => (await store.jobs.stats()).byState.SUCCEEDED === 2);
    assert.is(attempts.length, 11);
  }
  using db = new DatabaseSync(path, { readOnly: true });
  assert.is(compareLayout(readLayout(db, path), 3), "incompatible", "software of layout 3 refuses it");
});

test("a store of layout 4 keeps its jobs and intents, and software of layout 4 can still use it", async () => {
  change(CLEANLY);
  {
    using db = new DatabaseSync(path);
    const made = { pageKey: Buffer.alloc(32), storeId: "store of layout 4", nowMs: NOW_MS };
    for (const step of MIGRATIONS.slice(1, 4)) step.apply(db, made);
    db.exec("UPDATE store_state SET min_reader = 4; PRAGMA user_version = 4");
  }
  const said: string[] = [];
  const logger = { ...silentLogger, info: (_fields: object, message = "") => void said.push(message) };
  {
    await using store = await openSqliteStore({ path, clock, logger, bootId: "boot 0" });
    assert.is(store.identity.id, "store of layout 4");
    const { byState } = await store.jobs.stats();
    assert.equal(byState, { QUEUED: 3, RUNNING: 0, SUCCEEDED: 1, FAILED: 1, CANCELLED: 1 });
    assert.is((await store.intents.begin("alice", "finished intent", Buffer.alloc(32, 7))).kind, "finished");
    await store.auditHeads.record("chain", { sequence: 1, head: Buffer.alloc(32) });
  }
  assert.ok(said.includes("the store was migrated to this version's layout; software of layout 4 can still use it"));
  using db = new DatabaseSync(path, { readOnly: true });
  assert.is(compareLayout(readLayout(db, path), 4), "newer");
});

test("a layout that only adds is used as it is, one that needs newer software is refused and `--check` exits 5", async () => {
  await (await open())[Symbol.asyncDispose]();
  change("PRAGMA user_version = 9");
  await (await open())[Symbol.asyncDispose]();
  assert.is(layout(), 9);
  assert.is((await run(["store", "migrate", "--check", "--data", folder])).code, 0);
  change("UPDATE store_state SET min_reader = 9");
  await rejection("STORE_INCOMPATIBLE", open());
  assert.is((await run(["store", "migrate", "--check", "--data", folder])).code, 5);
});

test("an upgrade that fails in its middle leaves the store as it was", async () => {
  change(`${CLEANLY}; CREATE TABLE refused_range (a)`);
  await open().then(
    () => assert.unreachable(),
    () => {},
  );
  assert.is(layout(), 1);
  change("DROP TABLE refused_range");
  await using store = await open();
  assert.is(await store.replay.claim(claim("one")), false);
});

test("however many frames 0.1 refused for standing ahead, the store opens, and what was claimed beside them is known", async () => {
  const count = 3 * REFUSED_NONCES_TOTAL_MAX;
  change(CLEANLY);
  {
    using db = new DatabaseSync(path);
    const insert = db.prepare("INSERT INTO nonce_log (expires_at_ms, nonces) VALUES (9007199254740991, ?)");
    // One that expires soon was claimed together with the first of them.
    insert.run(entries([[NOW_MS + 400_000], [2 ** 53 - 1]]));
    db.exec("BEGIN");
    for (let row = 0; row < count / 100; row += 1) {
      insert.run(entries(Array.from({ length: 100 }, (_, index) => [NOW_MS + 1e9 + row * 1e6 + index])));
    }
    db.exec("COMMIT");
  }
  await using store = await open();
  assert.ok((await store.replay.size()) < count);
  assert.is(await store.replay.claim(claim("one")), false);
  assert.is(await store.replay.claim(claim("new", NOW_MS + 1_000)), true);
  assert.is(await store.replay.size(), 5, "the nonces of 0.1 that stand in the window, and the new one");
});

/** Nonces as layout 1 logged them, by when they expire. */
function entries(nonces: readonly (readonly [expiresAtMs: number])[]): Buffer {
  return Buffer.concat(
    nonces.map(([expiresAtMs], index) => {
      const entry = Buffer.alloc(16, index + 1);
      entry.writeDoubleLE(expiresAtMs, 8);
      return entry;
    }),
  );
}

test("a floor that 0.1 left in the future refuses without a word of replays, until it is repaired", async () => {
  const hourAheadMs = NOW_MS + 3_600_000;
  change(`${CLEANLY}; UPDATE store_state SET replay_floor_ms = ${hourAheadMs}`);
  {
    await using store = await open();
    await rejection("FRESHNESS_UNKNOWN", store.replay.claim(claim("honest", clock.nowMs())));
  }
  const { repairSqliteClock } = await import("../../../src/store/sqlite/replay/repair-clock.ts");
  const repaired = await repairSqliteClock({ path, clock });
  assert.equal(repaired, { beforeMs: hourAheadMs, afterMs: clock.nowMs() + 60_000 });
  await using store = await open();
  await rejection("FRESHNESS_UNKNOWN", store.replay.claim(claim("honest", clock.nowMs())));
  clock.advance(60_001);
  assert.is(await store.replay.claim(claim("honest", clock.nowMs())), true);
});

test("`store repair-clock` says what it lowered, and that there is nothing to lower where there is not", async () => {
  const floorMs = Date.now() + 3_600_000;
  change(`${CLEANLY}; UPDATE store_state SET replay_floor_ms = ${floorMs}`);
  const first = await run(["store", "repair-clock", "--data", folder]);
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stderr, `Frames were refused up to ${new Date(floorMs).toISOString()}, and are now up to`);
  const second = await run(["store", "repair-clock", "--data", folder]);
  assert.equal([second.code, second.stderr], [0, "The store contains no time in the future.\n"]);
  {
    await using _store = await openSqliteStore({ path });
    assert.match((await run(["store", "repair-clock", "--data", folder])).stderr, "Another process owns the store");
  }
  const absent = await run(["store", "repair-clock", "--data", join(folder, "absent")]);
  assert.is(absent.code, 2);
});

test.run();
