import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, digest, type EngineUnderTest, spec } from "./store-under-test.ts";

/** Requirements on every engine: submitted jobs and their intents. */
export function submittingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/submitting`);
  const bench = new Bench(engine, test);

  test("a submitted job is queued at revision 1 and its owner sees it", async () => {
    const { job, created } = await bench.jobs.submit(spec({ requestId: "first" }));
    assert.is(created, true);
    assert.is(job.state, "QUEUED");
    assert.is(job.revision, 1);
    assert.is(job.attempt, 0);
    assert.is(job.maxAttempts, 3);
    assert.is(job.requestId, "first");
    assert.is(job.createdAtMs, bench.clock.nowMs());
    assert.is(job.endedAtMs, undefined);
    assert.equal(await bench.jobs.get("alice", job.jobId), job);
  });

  test("a job names the trace in which it was submitted, wherever it is read, and a malformed one is none", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const traces = [{ traceparent }, { traceparent, tracestate: "vendor=some" }, {}, { traceparent: "nonsense" }];
    for (const [index, trace] of traces.entries()) {
      const { job } = await bench.jobs.submit(spec(trace));
      const expected = index < 2 ? traceId : undefined;
      assert.is(job.traceId, expected);
      const listed = await bench.jobs.list({ owner: "alice", states: [], pageSize: 1 });
      const operated = await bench.operator.jobs({ states: [], pageSize: 1 });
      const cancelled = await bench.jobs.cancel("alice", job.jobId);
      const read = [await bench.jobs.get("alice", job.jobId), listed.jobs[0], operated.jobs[0], cancelled];
      assert.equal(
        read.map((each) => [each?.jobId, each?.traceId]),
        read.map(() => [job.jobId, expected]),
      );
    }
  });

  test("the same intent again gives the job there is", async () => {
    const first = await bench.jobs.submit(spec({ requestId: "same" }));
    const again = await bench.jobs.submit(spec({ requestId: "same" }));
    assert.is(again.created, false);
    assert.equal(again.job, first.job);
  });

  test("the same intent submitted twenty times at once makes one job", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => bench.jobs.submit(spec({ requestId: "same" }))));
    assert.is(all.filter(({ created }) => created).length, 1);
    assert.is(new Set(all.map(({ job }) => job.jobId)).size, 1);
  });

  test("the same intent gives the job after it has ended, too", async () => {
    const job = await bench.submit({ requestId: "same" });
    await bench.jobs.cancel("alice", job.jobId);
    const again = await bench.jobs.submit(spec({ requestId: "same" }));
    assert.is(again.created, false);
    assert.is(again.job.state, "CANCELLED");
  });

  test("a request id that stands for another intent is refused", async () => {
    await bench.submit({ requestId: "taken" });
    const other = spec({ requestId: "taken", intentDigest: digest("other") });
    await rejection("REQUEST_ID_REUSED", bench.jobs.submit(other));
  });

  test("the same request id of another owner is another intent", async () => {
    const alices = await bench.submit({ requestId: "shared" });
    const bobs = await bench.submit({ requestId: "shared", owner: "bob", intentDigest: digest("other") });
    assert.is.not(alices.jobId, bobs.jobId);
  });

  test("a request id of a sync call is refused for a job, and a job's for a sync call", async () => {
    await bench.intents.begin("alice", "sync", digest("sync"));
    await rejection("REQUEST_ID_REUSED", bench.jobs.submit(spec({ requestId: "sync" })));
    await bench.submit({ requestId: "job" });
    assert.equal(await bench.intents.begin("alice", "job", digest("sync")), { kind: "reused" });
  });

  test("the quota holds however many jobs are submitted at once", async () => {
    const all = await Promise.allSettled(Array.from({ length: 30 }, () => bench.jobs.submit(spec({ openJobsMax: 7 }))));
    assert.is(all.filter(({ status }) => status === "fulfilled").length, 7);
    const refused = await rejection("QUOTA_EXCEEDED", bench.jobs.submit(spec({ openJobsMax: 7 })));
    assert.ok((refused.retryDelayMs ?? 0) > 0);
    assert.ok(await bench.submit({ owner: "bob", openJobsMax: 7 }));
  });

  test("a full quota does not refuse the intent of a job there is", async () => {
    const job = await bench.submit({ requestId: "only", openJobsMax: 1 });
    const again = await bench.jobs.submit(spec({ requestId: "only", openJobsMax: 1 }));
    assert.is(again.job.jobId, job.jobId);
  });

  test("a job that has ended frees its place in the quota", async () => {
    const job = await bench.submit({ openJobsMax: 1 });
    await bench.jobs.cancel("alice", job.jobId);
    assert.ok(await bench.submit({ openJobsMax: 1 }));
  });

  test("an accepted job is there after a restart, a crash and a loss of power", async () => {
    const job = await bench.submit();
    await bench.under.restart();
    assert.equal(await bench.jobs.get("alice", job.jobId), job);
    await bench.under.crash();
    assert.equal(await bench.jobs.get("alice", job.jobId), job);
    await bench.under.losePower();
    assert.equal(await bench.jobs.get("alice", job.jobId), job);
  });

  test("a foreign job answers exactly as an absent one", async () => {
    const { jobId } = await bench.submit();
    for (const id of [jobId, "absent"]) {
      assert.is(await bench.jobs.get("bob", id), null);
      assert.is(await bench.jobs.result("bob", id), null);
      assert.is(await bench.jobs.cancel("bob", id), null);
      const watch = bench.jobs.watch("bob", id)[Symbol.asyncIterator]();
      assert.is((await rejection("JOB_NOT_FOUND", watch.next())).message, "No such job is visible to this client.");
    }
    assert.is((await bench.jobs.get("alice", jobId))?.state, "QUEUED");
  });

  test("figures count the jobs by state and tell how long the oldest has waited", async () => {
    const empty = await bench.jobs.stats();
    assert.equal(empty, {
      byState: { QUEUED: 0, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 },
      oldestQueuedMs: 0,
    });
    const { jobId } = await bench.submit();
    bench.clock.advance(500);
    await bench.submit({ owner: "bob" });
    assert.is((await bench.jobs.stats()).byState.QUEUED, 2);
    assert.is((await bench.jobs.stats()).oldestQueuedMs, 500);
    await bench.jobs.cancel("alice", jobId);
    const { byState, oldestQueuedMs } = await bench.jobs.stats();
    assert.equal(byState, { QUEUED: 1, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 1 });
    assert.is(oldestQueuedMs, 0);
  });

  test.run();
}
