import type { JobRun } from "../../src/jobs/engine.ts";
import { HandBackError } from "../../src/jobs/hand-back.ts";
import type { JobView } from "../../src/jobs/job.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, Gate, POLICY } from "./store-under-test.ts";

/** A step of the clock that is much shorter than the delays and the store's leases. */
const STEP_MS = 100;

/** Requirements on every engine: attempts that handlers hand back. */
export function handingBackContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/handing-back`);
  const bench = new Bench(engine, test);

  /** Resolves to the job when it is queued again after this number of attempts. */
  const queuedAfter = (attempts: number, job: JobView, stepMs = 0): Promise<JobView> =>
    eventually(`${attempts} attempts of ${job.requestId} ended`, async () => {
      if (stepMs > 0) bench.clock.advance(stepMs);
      const now = await bench.jobs.get("alice", job.jobId);
      return now?.state === "QUEUED" && now.attempt === attempts && now;
    });

  /** Advances the clock second by second, each after the work of the one before. */
  const pass = async (seconds: number): Promise<void> => {
    await bench.settled();
    for (let second = 0; second < seconds; second += 1) {
      bench.clock.advance(1_000);
      await bench.settled();
    }
  };

  test("an attempt that reached nobody counts as no failure, and the next one is claimed after the delay", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 1 } });
    const startedMs: number[] = [];
    await bench.work(async ({ attempt }) => {
      startedMs.push(bench.clock.nowMs());
      if (attempt <= 5) throw new HandBackError("not reached", { began: false, delayMs: 2_000 });
      return Buffer.from("done");
    });
    assert.is((await queuedAfter(1, job)).error, undefined);
    await bench.settled();
    bench.clock.advance(1_999);
    await bench.settled();
    assert.is(startedMs.length, 1);
    bench.clock.advance(1);
    for (let attempt = 2; attempt <= 5; attempt += 1) await queuedAfter(attempt, job, STEP_MS);
    assert.is((await bench.reaches("SUCCEEDED", job, STEP_MS)).attempt, 6);
    const waits = startedMs.slice(1).map((ms, index) => ms - (startedMs[index] ?? 0));
    assert.ok(Math.min(...waits) >= 2_000, String(waits));
  });

  test("a delay longer than the longest backoff of the policy is cut to it", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxBackoffMs: 3_000 } });
    const startedMs: number[] = [];
    await bench.work(async ({ attempt }) => {
      startedMs.push(bench.clock.nowMs());
      if (attempt === 1) throw new HandBackError("not reached", { began: false, delayMs: 86_400_000 });
      return Buffer.from("done");
    });
    await queuedAfter(1, job);
    await bench.reaches("SUCCEEDED", job, STEP_MS);
    const waitedMs = (startedMs[1] ?? 0) - (startedMs[0] ?? 0);
    assert.ok(waitedMs >= 3_000 && waitedMs < 60_000, String(waitedMs));
  });

  test("the queue time-out ends a job whose attempts reached nobody", async () => {
    const job = await bench.submit({ policy: { ...POLICY, queueTimeoutMs: 10_000 } });
    const reachNobody = async (): Promise<never> => {
      throw new HandBackError("not reached", { began: false, delayMs: 1_000 });
    };
    await bench.work(reachNobody);
    await queuedAfter(3, job, STEP_MS);
    await bench.under.restart();
    await bench.work(reachNobody);
    await queuedAfter(6, job, STEP_MS);
    const failed = await bench.reaches("FAILED", job, STEP_MS);
    assert.is(failed.error?.reason, "QUEUE_TIMEOUT");
    const waitedMs = (failed.endedAtMs ?? 0) - failed.createdAtMs;
    assert.ok(waitedMs >= 10_000 && waitedMs < 20_000, String(waitedMs));
  });

  test("the queue time-out of a job that has begun stays ended, also when a later attempt reached nobody", async () => {
    const job = await bench.submit({ policy: { ...POLICY, queueTimeoutMs: 10_000 } });
    await bench.work(async ({ attempt }) => {
      if (attempt === 1) throw new Error("not yet");
      if (bench.clock.nowMs() - job.createdAtMs < 20_000)
        throw new HandBackError("not reached", { began: false, delayMs: 5_000 });
      return Buffer.from("done");
    });
    assert.ok((await bench.reaches("SUCCEEDED", job, STEP_MS)).attempt > 2);
  });

  test("ten attempts whose tool was shutting down are no failures, the 11th is, and the count starts anew", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 2 } });
    await bench.work(async () => {
      throw new HandBackError("shutting down", { began: true, delayMs: 1_000 });
    });
    for (let attempt = 1; attempt <= 21; attempt += 1) {
      const { error } = await queuedAfter(attempt, job, attempt === 1 ? 0 : STEP_MS);
      assert.is(error?.reason, attempt === 11 ? "UNAVAILABLE" : undefined, `attempt ${attempt}`);
    }
    const failed = await bench.reaches("FAILED", job, STEP_MS);
    assert.is(failed.error?.reason, "UNAVAILABLE");
    assert.is(failed.attempt, 22);
  });

  test("hand-backs are counted over restarts, and an attempt that reached nobody is not among them", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 1 } });
    for (let round = 1; round <= 10; round += 1) {
      const worker = await bench.work(async ({ attempt }) => {
        const isFirst = attempt % 2 === 1;
        throw new HandBackError("handed back", { began: isFirst, delayMs: isFirst ? 0 : 1_000 });
      });
      await queuedAfter(2 * round, job);
      await worker.stop(0);
      bench.clock.advance(1_000);
      if (round % 5 === 0) await bench.under.restart();
    }
    await bench.work(async () => {
      throw new HandBackError("shutting down", { began: true, delayMs: 0 });
    });
    assert.is((await bench.reaches("FAILED", job)).attempt, 21);
  });

  test("the queue time-out does not count against a job whose tool was shutting down", async () => {
    const job = await bench.submit({ policy: { ...POLICY, queueTimeoutMs: 60_000 } });
    await bench.work(async ({ attempt }) => {
      if (attempt === 1) throw new HandBackError("shutting down", { began: true, delayMs: 90_000 });
      return Buffer.from("done");
    });
    await queuedAfter(1, job);
    await pass(85);
    assert.is((await bench.reaches("SUCCEEDED", job, STEP_MS)).attempt, 2);
  });

  test("a cancellation or a time-out counts more than a hand-back", async () => {
    const policy = { ...POLICY, executionTimeoutMs: 5_000, maxAttempts: 1 };
    const [cancelled, slow] = [await bench.submit({ policy }), await bench.submit({ policy })];
    const handBack = (run: JobRun): Promise<never> =>
      new Promise((_resolve, reject) => {
        run.signal.addEventListener("abort", () =>
          reject(new HandBackError("not reached", { began: false, delayMs: 0 })),
        );
      });
    await bench.work(handBack);
    for (const job of [cancelled, slow]) await bench.reaches("RUNNING", job);
    await bench.jobs.cancel("alice", cancelled.jobId);
    assert.is((await bench.reaches("CANCELLED", cancelled)).error?.reason, "CANCELLED");
    await pass(5);
    assert.is((await bench.reaches("FAILED", slow, STEP_MS)).error?.reason, "EXECUTION_TIMEOUT");
  });

  test("an attempt that runs once fails when its worker drains, unless it has a result or reached nobody", async () => {
    for (const [answer, state] of [
      ["nothing", "FAILED"],
      ["a result", "SUCCEEDED"],
      ["reached nobody", "QUEUED"],
    ] as const) {
      const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 1 } });
      const worker = await bench.work(async (run) => {
        run.runOnce();
        await new Promise((resolve) => run.signal.addEventListener("abort", resolve));
        if (answer === "a result") return Buffer.from("done");
        if (answer === "reached nobody") throw new HandBackError("not reached", { began: false, delayMs: 0 });
        throw run.signal.reason;
      });
      await bench.reaches("RUNNING", job);
      await worker.stop(1_000);
      const now = await bench.jobs.get("alice", job.jobId);
      assert.equal([now?.state, now?.error?.reason], [state, state === "FAILED" ? "OUTCOME_UNKNOWN" : undefined]);
    }
  });

  test("an attempt that reached nobody keeps its queue time-out when its worker drains, too", async () => {
    const job = await bench.submit({ policy: { ...POLICY, queueTimeoutMs: 60_000 } });
    const gate = new Gate();
    const worker = await bench.work((run) =>
      gate.handler(run).catch(() => {
        throw new HandBackError("not reached", { began: false, delayMs: 0 });
      }),
    );
    await bench.reaches("RUNNING", job);
    await worker.stop(1_000);
    assert.is((await bench.reaches("FAILED", job, 10_000)).error?.reason, "QUEUE_TIMEOUT");
  });

  test("a job that was handed back is removed with its count", async () => {
    const job = await bench.submit();
    const worker = await bench.work(async () => {
      throw new HandBackError("shutting down", { began: true, delayMs: 0 });
    });
    await eventually("it was handed back", async () => ((await bench.jobs.get("alice", job.jobId))?.attempt ?? 0) > 1);
    await worker.stop(0);
    await bench.jobs.cancel("alice", job.jobId);
    bench.clock.step(POLICY.retentionMs);
    assert.is(await bench.jobs.sweep(), 1);
    assert.is(await bench.jobs.get("alice", job.jobId), null);
  });

  test.run();
}
