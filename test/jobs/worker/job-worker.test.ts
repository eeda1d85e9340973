import { DatabaseSync } from "node:sqlite";
import { FairQueue } from "../../../src/jobs/fair-queue.ts";
import { PAGE_KEY_BYTES } from "../../../src/jobs/page-token.ts";
import { JobNotifier } from "../../../src/jobs/watch/job-notifier.ts";
import { JobWorker } from "../../../src/jobs/worker/job-worker.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { CommitGroup } from "../../../src/store/sqlite/commit-group.ts";
import { SqliteAttemptStore } from "../../../src/store/sqlite/jobs/attempt-store.ts";
import { prepareCancel } from "../../../src/store/sqlite/jobs/cancel-job.ts";
import { JobCounts } from "../../../src/store/sqlite/jobs/job-counts.ts";
import { prepareFind } from "../../../src/store/sqlite/jobs/read-jobs.ts";
import { RecentJobs } from "../../../src/store/sqlite/jobs/recent-jobs.ts";
import { prepareSubmit } from "../../../src/store/sqlite/jobs/submit-job.ts";
import { prepareSchema } from "../../../src/store/sqlite/schema.ts";
import { Gate, spec } from "../../contract/store-under-test.ts";
import { eventually, settled } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("jobs/worker/job-worker");

/** A ledger whose changes are made behind its back, so that no hint ever comes. */
function silentLedger(clock: FakeClock) {
  const db = new DatabaseSync(":memory:");
  const made = { pageKey: new Uint8Array(PAGE_KEY_BYTES), storeId: "store", nowMs: 0 };
  prepareSchema(db, { path: ":memory:", logger: silentLogger, ...made });
  const fairQueue = new FairQueue();
  const find = prepareFind(db);
  const counts = new JobCounts(db);
  const commits = new CommitGroup({ db, clock, logger: silentLogger, onDamage() {} });
  commits.summarize(counts);
  const changes = new RecentJobs(new JobNotifier({ read: async () => [], clock }), fairQueue, find);
  const attemptStore = new SqliteAttemptStore({
    db,
    instanceId: "this process",
    commits,
    counts,
    fairQueue,
    changes,
    clock,
  });
  const submit = prepareSubmit(db, counts);
  const cancel = prepareCancel(db, counts);
  const failures = db.prepare("SELECT failures FROM job");
  return {
    attemptStore,
    commits,
    find,
    failures: () => failures.get()?.failures,
    submit(): void {
      submit(spec(), "job", clock.nowMs());
      counts.write();
    },
    cancel(): void {
      cancel("alice", "job", clock.nowMs());
      counts.write();
    },
  };
}

test("a job and a cancel that no hint told of are found by polling", async () => {
  const clock = new FakeClock();
  const { attemptStore, submit, cancel, find } = silentLedger(clock);
  const gate = new Gate();
  const handlers = new Map([["echo", gate.handler]]);
  await using worker = new JobWorker({ attemptStore, handlers, concurrency: 1, clock, logger: silentLogger });
  await settled();
  submit();
  await settled();
  assert.is(worker.running, 0);
  await eventually("the job is found", () => {
    clock.advance(5_000);
    return worker.running === 1;
  });
  cancel();
  await settled();
  assert.is(find("job")?.state, "RUNNING");
  await eventually("the cancel is found", () => {
    clock.advance(5_000);
    return find("job")?.state === "CANCELLED";
  });
});

test("a claim that is run again, since another operation of its transaction threw, takes its jobs all the same", async () => {
  const { attemptStore, commits, submit } = silentLedger(new FakeClock());
  submit();
  const claimed = attemptStore.claim({ handles: () => true, count: 2, perOwner: undefined });
  const thrown = commits.run(() => {
    throw new Error("refused");
  });
  await thrown.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "refused"),
  );
  assert.is((await claimed).attempts.length, 1);
});

test("an attempt that was dropped counts as lost with its worker", async () => {
  const clock = new FakeClock();
  const { attemptStore, submit, find, failures } = silentLedger(clock);
  submit();
  await attemptStore.claim({ handles: () => true, count: 1, perOwner: undefined });
  assert.is(await attemptStore.recoverLost(), 0);
  attemptStore.drop({ jobId: "job", attempt: 1 });
  assert.is(await attemptStore.recoverLost(), 1);
  assert.is(find("job")?.state, "QUEUED");
  assert.is(failures(), 1);
  const late = { jobId: "job", attempt: 1 };
  assert.is(await attemptStore.settle(late, { kind: "succeeded", result: Buffer.from("late") }, undefined), false);
});

test.run();
