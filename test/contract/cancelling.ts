import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, Gate } from "./store-under-test.ts";

/** Requirements on every engine: cancelling jobs. */
export function cancellingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/cancelling`);
  const bench = new Bench(engine, test);

  test("a queued job ends at once and never runs", async () => {
    const job = await bench.submit();
    const cancelled = await bench.jobs.cancel("alice", job.jobId);
    assert.is(cancelled?.state, "CANCELLED");
    assert.is(cancelled?.error?.reason, "CANCELLED");
    assert.is(cancelled?.endedAtMs, bench.clock.nowMs());
    const gate = new Gate();
    await bench.work(gate.handler);
    const other = await bench.submit();
    await bench.reaches("RUNNING", other);
    await bench.settled();
    assert.equal(gate.started, [other.requestId]);
  });

  test("a running job has its signal aborted and ends as cancelled", async () => {
    const job = await bench.submit();
    const gate = new Gate();
    await bench.work(gate.handler);
    await bench.reaches("RUNNING", job);
    const asked = await bench.jobs.cancel("alice", job.jobId);
    assert.is(asked?.state, "RUNNING");
    assert.is(asked?.cancelRequested, true);
    const cancelled = await bench.reaches("CANCELLED", job);
    assert.is(cancelled.error?.reason, "CANCELLED");
    assert.is(cancelled.attempt, 1);
  });

  test("a cancel again, and one of a job that has ended, changes nothing", async () => {
    const queued = await bench.submit();
    const once = await bench.jobs.cancel("alice", queued.jobId);
    assert.equal(await bench.jobs.cancel("alice", queued.jobId), once);
    const job = await bench.submit();
    await bench.work(async () => Buffer.from("done"));
    const done = await bench.reaches("SUCCEEDED", job);
    assert.equal(await bench.jobs.cancel("alice", job.jobId), done);
  });

  test("ten cancels at once of a running job raise its revision once", async () => {
    const job = await bench.submit();
    await bench.work(() => new Promise(() => {}));
    await bench.reaches("RUNNING", job);
    await Promise.all(Array.from({ length: 10 }, () => bench.jobs.cancel("alice", job.jobId)));
    assert.is((await bench.jobs.get("alice", job.jobId))?.revision, 3);
  });

  test("a handler that finishes within the grace has its result kept", async () => {
    const job = await bench.submit();
    await bench.work(async (run) => {
      await new Promise((resolve) => run.signal.addEventListener("abort", resolve));
      return Buffer.from("just in time");
    });
    await bench.reaches("RUNNING", job);
    await bench.jobs.cancel("alice", job.jobId);
    await bench.reaches("SUCCEEDED", job);
    assert.equal(Buffer.from((await bench.jobs.result("alice", job.jobId)) ?? []).toString(), "just in time");
  });

  test("a handler that throws something else after a cancel leaves the job cancelled", async () => {
    const job = await bench.submit();
    await bench.work(async (run) => {
      await new Promise((resolve) => run.signal.addEventListener("abort", resolve));
      throw new Error("interrupted");
    });
    await bench.reaches("RUNNING", job);
    await bench.jobs.cancel("alice", job.jobId);
    assert.is((await bench.reaches("CANCELLED", job)).error?.reason, "CANCELLED");
  });

  test("a deaf handler is cut off after the grace and its result discarded", async () => {
    const job = await bench.submit();
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const worker = await bench.work(() => promise);
    await bench.reaches("RUNNING", job);
    await bench.jobs.cancel("alice", job.jobId);
    await bench.settled();
    bench.clock.advance(9_999);
    await bench.settled();
    assert.is((await bench.jobs.get("alice", job.jobId))?.state, "RUNNING");
    bench.clock.advance(1);
    const cancelled = await bench.reaches("CANCELLED", job);
    await eventually("the place is free again", () => worker.running === 0);
    resolve(Buffer.from("too late"));
    await bench.settled();
    assert.equal(await bench.jobs.get("alice", job.jobId), cancelled);
    assert.is(await bench.jobs.result("alice", job.jobId), null);
  });

  test("a job that was asked to stop is not run again after a crash or a hand-back", async () => {
    const crashed = await bench.submit();
    const deaf = await bench.work(() => new Promise(() => {}));
    await bench.reaches("RUNNING", crashed);
    await bench.jobs.cancel("alice", crashed.jobId);
    await bench.under.crash();
    assert.is((await bench.jobs.get("alice", crashed.jobId))?.state, "CANCELLED");
    await deaf.stop(0);

    const drained = await bench.submit();
    const worker = await bench.work(() => new Promise(() => {}));
    await bench.reaches("RUNNING", drained);
    await bench.jobs.cancel("alice", drained.jobId);
    await worker.stop(0);
    assert.is((await bench.jobs.get("alice", drained.jobId))?.state, "CANCELLED");
  });

  test.run();
}
