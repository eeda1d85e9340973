import type { JobView } from "../../src/jobs/job.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, Gate } from "./store-under-test.ts";

/** Requirements on every engine: watches of one job. */
export function watchingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/watching`);
  const bench = new Bench(engine, test);

  async function collect(watch: AsyncIterable<JobView>): Promise<JobView[]> {
    const views: JobView[] = [];
    for await (const view of watch) views.push(view);
    return views;
  }

  test("a watch gives the current state, then each newer one, and ends with the terminal one", async () => {
    const job = await bench.submit();
    const views = collect(bench.jobs.watch("alice", job.jobId));
    await bench.settled();
    const gate = new Gate();
    await bench.work(gate.handler);
    await bench.reaches("RUNNING", job);
    await bench.settled();
    gate.letGo(job.requestId);
    assert.equal(
      (await views).map(({ state, revision }) => `${state} ${revision}`),
      ["QUEUED 1", "RUNNING 2", "SUCCEEDED 3"],
    );
  });

  test("a watch starts above the revision it is given", async () => {
    const job = await bench.submit();
    const watch = bench.jobs.watch("alice", job.jobId, { afterRevision: 1 })[Symbol.asyncIterator]();
    const next = watch.next();
    await bench.settled();
    await bench.jobs.cancel("alice", job.jobId);
    assert.is((await next).value?.state, "CANCELLED");
    assert.is((await watch.next()).done, true);
  });

  test("the terminal state arrives whatever revision a watch starts from", async () => {
    const job = await bench.submit();
    await bench.jobs.cancel("alice", job.jobId);
    for (const afterRevision of [0, 1, 2, 99]) {
      const views = await collect(bench.jobs.watch("alice", job.jobId, { afterRevision }));
      assert.equal(
        views.map(({ state }) => state),
        ["CANCELLED"],
      );
    }
  });

  test("revisions rise by one with every change", async () => {
    const job = await bench.submit();
    await bench.work(async (run) => {
      for (let step = 1; step <= 5; step += 1) {
        run.progress(step, 5);
        bench.clock.advance(300);
        await bench.settled();
      }
      return Buffer.from("done");
    });
    const views = await collect(bench.jobs.watch("alice", job.jobId));
    const revisions = views.map(({ revision }) => revision);
    assert.equal(
      revisions,
      [...revisions].sort((one, other) => one - other),
    );
    assert.is(views.at(-1)?.revision, 8);
  });

  test("an aborted watch ends quietly, also one that never began", async () => {
    const job = await bench.submit();
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const views = collect(bench.jobs.watch("alice", job.jobId, options));
    await bench.settled();
    controller.abort();
    assert.is((await views).length, 1);
    assert.equal(await collect(bench.jobs.watch("alice", job.jobId, options)), []);
  });

  test("a watch that is left while a step waits ends that step", async () => {
    const job = await bench.submit();
    const watch = bench.jobs.watch("alice", job.jobId)[Symbol.asyncIterator]();
    await watch.next();
    const waiting = watch.next();
    await bench.settled();
    await watch.return?.();
    assert.is((await waiting).done, true);
    assert.is((await watch.next()).done, true);
  });

  test("steps asked for at once are answered in order", async () => {
    const job = await bench.submit();
    const watch = bench.jobs.watch("alice", job.jobId)[Symbol.asyncIterator]();
    const steps = Promise.all([watch.next(), watch.next(), watch.next()]);
    await bench.settled();
    await bench.jobs.cancel("alice", job.jobId);
    assert.equal(
      (await steps).map(({ value }) => value?.state),
      ["QUEUED", "CANCELLED", undefined],
    );
  });

  test("every one of a thousand watchers sees the end", async () => {
    const job = await bench.submit();
    const watches = Array.from({ length: 1_000 }, () => collect(bench.jobs.watch("alice", job.jobId)));
    await bench.settled();
    await bench.work(async () => Buffer.from("done"));
    for (const views of await Promise.all(watches)) assert.is(views.at(-1)?.state, "SUCCEEDED");
  });

  test("a watch ends with UNAVAILABLE when the store closes", async () => {
    const job = await bench.submit();
    const watch = bench.jobs.watch("alice", job.jobId)[Symbol.asyncIterator]();
    await watch.next();
    const waiting = rejection("UNAVAILABLE", watch.next());
    await bench.settled();
    await bench.under.restart();
    await waiting;
  });

  test("progress is recorded four times a second at most, and the last of it always", async () => {
    const job = await bench.submit();
    const gate = Promise.withResolvers<void>();
    await bench.work(async (run) => {
      for (let step = 1; step <= 1_000; step += 1) run.progress(step, 1_000, `step ${step}`);
      await gate.promise;
      run.progress(1_000, 1_000, "the end");
      return Buffer.from("done");
    });
    const inProgress = (completed: number) => async () =>
      (await bench.jobs.get("alice", job.jobId))?.progress?.completed === completed;
    await eventually("the first report is recorded", inProgress(1));
    bench.clock.advance(249);
    await bench.settled();
    assert.ok(await inProgress(1)());
    bench.clock.advance(1);
    await eventually("the newest report is recorded", inProgress(1_000));
    assert.is((await bench.jobs.get("alice", job.jobId))?.revision, 4);
    gate.resolve();
    const done = await bench.reaches("SUCCEEDED", job);
    assert.equal(done.progress, { completed: 1_000, total: 1_000, message: "the end" });
    assert.is(done.revision, 5);
  });

  test.run();
}
