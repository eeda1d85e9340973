import { DatabaseSync, type StatementSync } from "node:sqlite";
import { PAGE_KEY_BYTES } from "../../../src/jobs/page-token.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { SettableCondition } from "../../../src/store/condition.ts";
import { CommitGroup } from "../../../src/store/sqlite/commit-group.ts";
import { prepareSchema } from "../../../src/store/sqlite/schema.ts";
import { SqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { enterStore } from "../../../src/store/sqlite/store-state.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/sqlite/query-plans");

/** Statements that may read a whole table, each with why that is no matter. */
const EXEMPT: readonly RegExp[] = [
  /nonces, to_ms AS toMs FROM nonce_log$/, // once, when the store is opened
  /FROM refused_(nonce|range)$/, // the same
  /min\(expires_at_ms\).* FROM nonce_log$/, // the same
  /forgotten_stamps$/, // has 64 rows at most
  /FROM job_count GROUP BY state/, // a few rows for each owner with jobs
  /store_state/, // has one row
];

test("no statement of the store searches through a table, however many jobs and nonces it holds", async () => {
  const prepared = new Set<string>();
  const db = new DatabaseSync(":memory:");
  const made = { pageKey: new Uint8Array(PAGE_KEY_BYTES), storeId: "store", nowMs: 0 };
  prepareSchema(db, { path: ":memory:", logger: silentLogger, ...made });
  const prepare = db.prepare.bind(db);
  db.prepare = (sql: string): StatementSync => {
    prepared.add(sql);
    return prepare(sql);
  };
  const clock = new FakeClock();
  const connection = { db, commits: new CommitGroup({ db, clock, logger: silentLogger, onDamage() {} }) };
  const condition = new SettableCondition();
  const context = {
    path: ":memory:",
    lock: undefined,
    files: undefined,
    clock,
    random: systemRandom,
    condition,
    logger: silentLogger,
  };
  const state = enterStore(db, { bootId: undefined, hadLog: true, nowMs: 0 });
  await using _store = new SqliteStore({ durable: connection, quick: connection, state, ...context });

  const searched = [...prepared].filter(
    (sql) => /^\s*(SELECT|UPDATE|DELETE)/.test(sql) && !EXEMPT.some((each) => each.test(sql)),
  );
  assert.ok(searched.length > 25);
  for (const sql of searched) {
    const plan = prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
    for (const step of plan) assert.not.match(step, /^SCAN|TEMP B-TREE/, `${sql}\n${plan.join("\n")}`);
  }
});

test.run();
