import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { backupSqliteStore } from "../../../src/store/sqlite/backup.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { nonceClaim, spec } from "../../contract/store-under-test.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/sqlite/backup");

let folder = "";
let path = "";
let to = "";
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-backup-"));
  path = join(folder, "store.db");
  to = join(folder, "backup.db");
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

test("a backup of a store in use opens as a store and holds what was committed, and its owner goes on", async () => {
  await using store = await openSqliteStore({ path });
  const { job } = await store.jobs.submit(spec());
  const bytes = await backupSqliteStore({ path, to });
  const later = await store.jobs.submit({ ...spec(), requestId: "later" });
  assert.ok(later.created);
  assert.is(bytes, statSync(to).size);
  await using restored = await openSqliteStore({ path: to });
  assert.is((await restored.jobs.get(job.owner, job.jobId))?.state, "QUEUED");
  assert.is(await restored.jobs.get(job.owner, later.job.jobId), null);
});

test("a backup is its owner's alone, whatever the umask, and nothing else is left behind", async () => {
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
  const umask = process.umask(0);
  try {
    await backupSqliteStore({ path, to });
  } finally {
    process.umask(umask);
  }
  assert.is(statSync(to).mode & 0o777, 0o600);
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith("backup")),
    ["backup.db"],
  );
});

test("a file that exists is not overwritten, and a store that cannot be copied leaves no file", async () => {
  writeFileSync(to, "precious");
  const refused = await rejection("OPTIONS_INVALID", backupSqliteStore({ path, to }));
  assert.match(refused.message, /There is no store at/);
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
  const exists = await rejection("OPTIONS_INVALID", backupSqliteStore({ path, to }));
  assert.match(exists.message, /backup\.db exists and is not overwritten/);
  assert.is(statSync(to).size, "precious".length);

  const other = join(folder, "other.db");
  writeFileSync(path, "not a database".repeat(100));
  assert.match((await rejection("OPTIONS_INVALID", backupSqliteStore({ path, to: other }))).message, /not a database/);
  const foreign = join(folder, "foreign.db");
  new DatabaseSync(foreign).exec("CREATE TABLE t (a)");
  await rejection("STORE_INCOMPATIBLE", backupSqliteStore({ path: foreign, to: other }));
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith("other")),
    [],
  );
});

test("no frame that was accepted after the backup is accepted again by what is restored from it", async () => {
  const clock = new FakeClock();
  const store = await openSqliteStore({ path, clock });
  await backupSqliteStore({ path, to });
  clock.advance(3_600_000);
  const accepted = [0, 60_000].map((aheadMs) => nonceClaim(clock.nowMs() + aheadMs, `ahead ${aheadMs}`));
  for (const claim of accepted) assert.ok(await store.replay.claim(claim));
  await store[Symbol.asyncDispose]();

  for (const life of ["restored", "restarted"]) {
    await using restored = await openSqliteStore({ path: to, clock });
    for (const claim of accepted) {
      const { retryDelayMs } = await rejection("FRESHNESS_UNKNOWN", restored.replay.claim(claim));
      assert.ok((retryDelayMs ?? 0) > 0, life);
    }
  }
  clock.advance(60_001);
  await using restored = await openSqliteStore({ path: to, clock });
  assert.ok(await restored.replay.claim(nonceClaim(clock.nowMs(), "signed since")));
});

test.run();
