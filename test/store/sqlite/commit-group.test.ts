import { DatabaseSync } from "node:sqlite";
import { SealwireError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { CommitGroup } from "../../../src/store/sqlite/commit-group.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/sqlite/commit-group");

let db: DatabaseSync;
let commits: CommitGroup;
let logged: string[] = [];
let clock = new FakeClock();
let damage = 0;
test.before.each(() => {
  logged = [];
  db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE item (value TEXT NOT NULL UNIQUE, padding BLOB) STRICT");
  const log = (_fields: object, message = "") => void logged.push(message);
  clock = new FakeClock();
  damage = 0;
  const onDamage = () => {
    damage += 1;
  };
  commits = new CommitGroup({ db, clock, logger: { ...silentLogger, error: log, info: log }, onDamage });
});
test.after.each(() => {
  if (db.isOpen) db.close();
});

const insert =
  (value: string, bytes = 0) =>
  () =>
    db.prepare("INSERT INTO item VALUES (?, ?)").run(value, Buffer.alloc(bytes));
const values = () =>
  db
    .prepare("SELECT value FROM item ORDER BY rowid")
    .all()
    .map(({ value }) => value);

test("the operations of a tick share a transaction, in order", async () => {
  const seen: string[] = [];
  const all = ["a", "b", "c"].map((value) =>
    commits
      .run(insert(value), () => seen.push(`${value} ${db.isTransaction} ${values().length}`))
      .then(() => seen.push(value)),
  );
  assert.equal(values(), []);
  await Promise.all(all);
  assert.equal(seen, ["a false 3", "b false 3", "c false 3", "a", "b", "c"]);
});

test("with several turns, operations of turns that follow one another share a transaction", async () => {
  const several = new CommitGroup({ db, turnsMax: 3, clock, logger: silentLogger, onDamage() {} });
  const transactions = new Set<number>();
  let commit = 0;
  const add = (value: string) =>
    several.run(insert(value), () => {
      // What was committed together is told of before anybody goes on.
      transactions.add(commit);
      queueMicrotask(() => {
        commit += 1;
      });
    });
  const all: Promise<unknown>[] = [];
  for (const value of ["a", "b", "c"]) {
    all.push(add(value));
    assert.equal(values(), []);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  assert.equal(values(), ["a", "b", "c"]);
  assert.is(transactions.size, 1);
});

test("an operation that throws leaves nothing and does not touch the others", async () => {
  const refused = commits.run(() => {
    insert("half")();
    throw new SealwireError("QUOTA_EXCEEDED");
  });
  const broken = commits.run(() => {
    insert("a")();
    insert("a")();
  });
  const good = commits.run(insert("b"));
  await rejection("QUOTA_EXCEEDED", refused);
  await broken.then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, "UNIQUE"),
  );
  await good;
  assert.equal(values(), ["b"]);
});

test("a summary of the operations is written once with their commit, without those that throw", async () => {
  let gathered: string[] = [];
  const discard = (): void => {
    gathered = [];
  };
  const write = (): void => {
    if (gathered.length > 0) insert(gathered.join("+"))();
    discard();
  };
  commits.summarize({ write, discard });
  const gather = (value: string) => commits.run(() => void gathered.push(value));
  await Promise.all(["a", "b", "c"].map(gather));
  assert.equal(values(), ["a+b+c"]);
  const broken = commits.run(() => {
    gathered.push("undone");
    throw new SealwireError("INTERNAL");
  });
  await Promise.all([gather("d"), rejection("INTERNAL", broken), gather("e")]);
  assert.equal(values(), ["a+b+c", "d", "e"]);
});

test("when the transaction cannot be committed nobody is told of success, and the next one can", async () => {
  await commits.run(() => {});
  const pages = Number(db.prepare("PRAGMA page_count").get()?.page_count);
  db.exec(`PRAGMA max_page_count = ${pages + 10}`);
  const results = await Promise.allSettled([commits.run(insert("small")), commits.run(insert("large", 1_000_000))]);
  for (const result of results) assert.is(result.status === "rejected" && result.reason.reason, "UNAVAILABLE");
  assert.equal(values(), []);
  await commits.run(insert("small"));
  assert.equal(values(), ["small"]);
  clock.advance(5_000);
  await commits.run(insert("another"));
  assert.equal(logged, ["the store cannot be written; calls fail with UNAVAILABLE", "the store can be written again"]);
});

test("a store that comes and goes is spoken of twice, not at each turn", async () => {
  const pages = Number(db.prepare("PRAGMA page_count").get()?.page_count);
  db.exec(`PRAGMA max_page_count = ${pages + 10}`);
  for (let turn = 0; turn < 20; turn += 1) {
    await rejection("UNAVAILABLE", commits.run(insert("large", 1_000_000)));
    await commits.run(insert(`small ${turn}`));
    clock.advance(1_000);
  }
  assert.is(logged.length, 1);
  clock.advance(5_000);
  await commits.run(insert("well again"));
  assert.is(logged.length, 2);
});

test("a database that turns out to be damaged is told of", async () => {
  const damaged = Object.assign(new Error("database disk image is malformed"), {
    errcode: 11,
    code: "ERR_SQLITE_ERROR",
  });
  await rejection(
    "UNAVAILABLE",
    commits.run(() => {
      throw damaged;
    }),
  );
  assert.is(damage, 1);
});

test("more operations than a transaction takes are all done", async () => {
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => commits.run(insert(`${index}`))));
  assert.is(values().length, 1_000);
});

test("a listener that throws is logged and harms nobody", async () => {
  await commits.run(insert("a"), () => {
    throw new Error("listener");
  });
  await commits.run(insert("b"));
  assert.equal(values(), ["a", "b"]);
  assert.equal(logged, ["a listener of a committed change failed"]);
});

test("closing commits what waits and refuses what comes after", async () => {
  const waiting = commits.run(insert("a"));
  commits.close();
  assert.equal(values(), ["a"]);
  await waiting;
  await rejection("UNAVAILABLE", commits.run(insert("b")));
});

test.run();
