import { DatabaseSync } from "node:sqlite";
import { ATTEMPTS_KEPT_MAX, type AttemptRow } from "../../../../src/jobs/attempt-record.ts";
import { PAGE_KEY_BYTES } from "../../../../src/jobs/page-token.ts";
import { silentLogger } from "../../../../src/runtime/logger.ts";
import { prepareKeepAttempt, prepareReadAttempts } from "../../../../src/store/sqlite/jobs/attempts.ts";
import { JobCounts } from "../../../../src/store/sqlite/jobs/job-counts.ts";
import { prepareSubmit } from "../../../../src/store/sqlite/jobs/submit-job.ts";
import { prepareSchema } from "../../../../src/store/sqlite/schema.ts";
import { spec } from "../../../contract/store-under-test.ts";
import { assert, suite } from "../../../support/suite.ts";

const test = suite("store/sqlite/jobs/attempts");

test("a job keeps its newest thousand attempts, as long as itself", () => {
  using db = new DatabaseSync(":memory:");
  const made = { pageKey: new Uint8Array(PAGE_KEY_BYTES), storeId: "store", nowMs: 0 };
  prepareSchema(db, { path: ":memory:", logger: silentLogger, ...made });
  prepareSubmit(db, new JobCounts(db))(spec(), "job", 0);
  const keep = prepareKeepAttempt(db);
  const times = { started_at_ms: 1, ended_at_ms: 2 };
  const row = { instance_id: null, ...times, outcome: "HANDED_BACK", reason: null, message: null } as const;
  for (let attempt = 1; attempt <= ATTEMPTS_KEPT_MAX + 5; attempt += 1) {
    keep(1, { attempt, ...row } satisfies AttemptRow);
  }
  const read = prepareReadAttempts(db);
  const kept = read(1, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).map(({ attempt }) => attempt);
  assert.equal([kept.length, kept[0], kept.at(-1)], [ATTEMPTS_KEPT_MAX, ATTEMPTS_KEPT_MAX + 5, 6]);
  db.exec("DELETE FROM job");
  assert.is(db.prepare("SELECT count(*) AS rows FROM job_attempt").get()?.rows, 0);
});

test.run();
