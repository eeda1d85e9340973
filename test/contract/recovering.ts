import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, digest, type EngineUnderTest, Gate, POLICY, spec } from "./store-under-test.ts";

/** Requirements on every engine: recovery after a killed process, and retention. */
export function recoveringContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/recovering`);
  const bench = new Bench(engine, test);

  test("a job that ran when the process was killed is queued again and runs to its end", async () => {
    const job = await bench.submit();
    await bench.work(() => new Promise(() => {}));
    await bench.reaches("RUNNING", job);
    await bench.under.crash();
    const queued = await bench.jobs.get("alice", job.jobId);
    assert.is(queued?.state, "QUEUED");
    assert.is(queued?.error?.reason, "WORKER_LOST");
    await bench.work(async () => Buffer.from("done"));
    assert.is((await bench.reaches("SUCCEEDED", job, 500)).attempt, 2);
  });

  test("a job whose last attempt was lost fails", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 2 } });
    for (let crash = 0; crash < 2; crash += 1) {
      await bench.work(() => new Promise(() => {}));
      await bench.reaches("RUNNING", job, 500);
      await bench.under.crash();
    }
    const failed = await bench.jobs.get("alice", job.jobId);
    assert.is(failed?.state, "FAILED");
    assert.is(failed?.error?.reason, "WORKER_LOST");
  });

  test("an outcome that was recorded is the only one, whatever crashes follow", async () => {
    const job = await bench.submit();
    await bench.work(async () => Buffer.from("first"));
    const done = await bench.reaches("SUCCEEDED", job);
    await bench.under.crash();
    await bench.work(async () => Buffer.from("second"));
    await bench.settled();
    assert.equal(await bench.jobs.get("alice", job.jobId), done);
    assert.is(Buffer.from((await bench.jobs.result("alice", job.jobId)) ?? []).toString(), "first");
  });

  test("a queued job's place and quota survive a crash", async () => {
    const jobs = [await bench.submit({ openJobsMax: 2 }), await bench.submit({ openJobsMax: 2 })];
    await bench.under.crash();
    assert.is((await bench.jobs.stats()).byState.QUEUED, 2);
    const refused = await bench.jobs.submit(spec({ openJobsMax: 2 })).catch((error) => error.reason);
    assert.is(refused, "QUOTA_EXCEEDED");
    const gate = new Gate();
    await bench.work(gate.handler);
    await eventually("both start", () => gate.started.length === 2);
    assert.equal(
      gate.started,
      jobs.map(({ requestId }) => requestId),
    );
  });

  test("a job is forgotten when its retention has passed since its end, not since its start", async () => {
    const policy = { ...POLICY, retentionMs: 60_000 };
    const ended = await bench.submit({ policy, requestId: "ended" });
    const open = await bench.submit({ policy });
    bench.clock.advance(50_000);
    await bench.jobs.cancel("alice", ended.jobId);
    bench.clock.advance(59_999);
    await bench.jobs.sweep();
    assert.ok(await bench.jobs.get("alice", ended.jobId));
    bench.clock.advance(1);
    await bench.jobs.sweep();
    await bench.settled();
    assert.is(await bench.jobs.get("alice", ended.jobId), null);
    assert.ok(await bench.jobs.get("alice", open.jobId));
    assert.is((await bench.jobs.stats()).byState.CANCELLED, 0);
    const again = await bench.jobs.submit(spec({ requestId: "ended", intentDigest: digest("other") }));
    assert.is(again.created, true);
  });

  test("a sweep removes all that has expired and tells how much that was", async () => {
    const policy = { ...POLICY, retentionMs: 60_000 };
    for (let index = 0; index < 5; index += 1) {
      const job = await bench.submit({ policy });
      await bench.jobs.cancel("alice", job.jobId);
    }
    // Only the wall clock is moved, so that the store's own sweep does not run first.
    bench.clock.step(60_000);
    assert.is(await bench.jobs.sweep(), 5);
    assert.is(await bench.jobs.sweep(), 0);
  });

  test.run();
}
