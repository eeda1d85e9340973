import { fork } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { spec } from "../../contract/store-under-test.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/sqlite/open");

let folder = "";
let path = "";
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwire-open-"));
  path = join(folder, "store.sqlite");
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

test("only the owner can read the files, whatever the umask and whatever they were", async () => {
  const umask = process.umask(0);
  try {
    writeFileSync(path, "", { mode: 0o666 });
    await using store = await openSqliteStore({ path });
    await store.jobs.submit(spec());
    for (const suffix of ["", "-wal", "-shm", ".lock"]) assert.is(statSync(path + suffix).mode & 0o777, 0o600, suffix);
  } finally {
    process.umask(umask);
  }
});

test("a store has one owner at a time, under whatever name it is opened", async () => {
  const store = await openSqliteStore({ path });
  symlinkSync(path, join(folder, "alias"));
  for (const name of [path, join(folder, "alias")]) await rejection("STORE_IN_USE", openSqliteStore({ path: name }));
  assert.ok(await store.jobs.submit(spec()));
  await store[Symbol.asyncDispose]();
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
});

test("a second try of the owner does not let another process in", async () => {
  await using _store = await openSqliteStore({ path });
  await rejection("STORE_IN_USE", openSqliteStore({ path }));
  const other = fork(join(import.meta.dirname, "owner-process.ts"), [path], { stdio: "ignore" });
  // It says so once it owns the store; refused, it ends without a word.
  const owns = once(other, "message").then(() => true);
  assert.not(await Promise.race([owns, once(other, "exit").then(() => false)]));
  other.kill("SIGKILL");
});

const LOCKS = "/proc/locks";
const KEPT = "a second try of the owner leaves it its lock on the database";

/** Without the lock, a process with an older SQLite that has read the database removes the log under the owner. */
async function keptLock(): Promise<void> {
  await using _store = await openSqliteStore({ path });
  const ownLock = new RegExp(`POSIX .* ${process.pid} \\S+:${statSync(path).ino} `);
  assert.match(readFileSync(LOCKS, "utf8"), ownLock);
  await rejection("STORE_IN_USE", openSqliteStore({ path }));
  assert.match(readFileSync(LOCKS, "utf8"), ownLock);
}

if (existsSync(LOCKS)) test(KEPT, keptLock);
else test.skip(KEPT, `this system has no ${LOCKS}`, keptLock);

test("the mode of a file that is no database, and of a folder, does not change", async () => {
  writeFileSync(path, "notes", { mode: 0o644 });
  await rejection("STORE_INCOMPATIBLE", openSqliteStore({ path }));
  assert.is(statSync(path).mode & 0o777, 0o644);
  mkdirSync(join(folder, "a"), { mode: 0o755 });
  await rejection("OPTIONS_INVALID", openSqliteStore({ path: join(folder, "a") }));
  assert.is(statSync(join(folder, "a")).mode & 0o777, 0o755);
  assert.not(existsSync(join(folder, "a.lock")));
});

test("another process cannot open the store, until its owner is killed", async () => {
  const owner = fork(join(import.meta.dirname, "owner-process.ts"), [path]);
  await once(owner, "message");
  await rejection("STORE_IN_USE", openSqliteStore({ path }));
  owner.kill("SIGKILL");
  await once(owner, "exit");
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
});

test("a store of another layout is refused, and the message says which software reads it", async () => {
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 7; UPDATE store_state SET min_reader = 7");
  db.close();
  const refused = await rejection("STORE_INCOMPATIBLE", openSqliteStore({ path }));
  assert.match(refused.message, /layout 7.*use the newer sealwire/);
});

test("a database of something else, and a file that is none, are refused and left alone", async () => {
  const db = new DatabaseSync(path);
  db.exec("CREATE TABLE recipe (name TEXT)");
  db.close();
  assert.match((await rejection("STORE_INCOMPATIBLE", openSqliteStore({ path }))).message, "other software");
  const text = join(folder, "text");
  writeFileSync(text, "no database, but long enough to look like something. ".repeat(100));
  assert.match(
    (await rejection("STORE_INCOMPATIBLE", openSqliteStore({ path: text }))).message,
    "not a SQLite database",
  );
});

test("a path that cannot be a file is refused by name", async () => {
  mkdirSync(path);
  for (const bad of [path, join(folder, "absent", "store.sqlite")]) {
    assert.match((await rejection("OPTIONS_INVALID", openSqliteStore({ path: bad }))).message, bad);
  }
});

test("a closed store answers UNAVAILABLE and can be closed again", async () => {
  const store = await openSqliteStore({ path });
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await rejection("UNAVAILABLE", store.jobs.submit(spec()));
  await rejection("UNAVAILABLE", store.jobs.get("alice", "job"));
  await rejection("UNAVAILABLE", store.jobs.work(new Map(), { concurrency: 1 }));
  await rejection("UNAVAILABLE", store.intents.begin("alice", "intent", new Uint8Array(32)));
});

test("a store in memory does what one on a file does, and needs no file", async () => {
  await using store = await openSqliteStore({ path: ":memory:" });
  const { job } = await store.jobs.submit(spec());
  assert.is((await store.jobs.cancel("alice", job.jobId))?.state, "CANCELLED");
  const claim = { clientId: "alice", nonce: new Uint8Array(16), tsMs: Date.now() };
  assert.is(await store.replay.claim(claim), true);
  assert.is(await store.replay.claim(claim), false);
});

test.run();
