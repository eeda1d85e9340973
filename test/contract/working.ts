import { SealwireError } from "../../src/errors.ts";
import type { JobRun } from "../../src/jobs/engine.ts";
import type { JobPolicy, JobView } from "../../src/jobs/job.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, Gate, POLICY } from "./store-under-test.ts";

/** Requirements on every engine: running jobs. */
export function workingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/working`);
  const bench = new Bench(engine, test);

  test("a handler is given the job as it was submitted", async () => {
    const seen = Promise.withResolvers<JobRun>();
    const job = await bench.submit({ args: Buffer.from([0, 1, 255]), traceparent: "00-trace" });
    await bench.work(async (run) => {
      seen.resolve(run);
      return Buffer.from("done");
    });
    const run = await seen.promise;
    assert.is(run.jobId, job.jobId);
    assert.is(run.owner, "alice");
    assert.is(run.requestId, job.requestId);
    assert.is(run.tool, "echo");
    assert.is(run.attempt, 1);
    assert.is(run.traceparent, "00-trace");
    assert.equal([...run.args], [0, 1, 255]);
  });

  test("what the handler returns is the result, once the job succeeded", async () => {
    const job = await bench.submit();
    const gate = new Gate();
    await bench.work(gate.handler);
    const running = await bench.reaches("RUNNING", job);
    assert.is(running.attempt, 1);
    assert.is(running.startedAtMs, bench.clock.nowMs());
    assert.is(await bench.jobs.result("alice", job.jobId), null);
    await bench.settled();
    gate.letGo(job.requestId);
    const done = await bench.reaches("SUCCEEDED", job);
    assert.is(done.expiresAtMs, bench.clock.nowMs() + POLICY.retentionMs);
    const result = await bench.jobs.result("alice", job.jobId);
    assert.is(Buffer.from(result ?? []).toString(), `result of ${job.requestId}`);
  });

  test("no more handlers run at once than the worker's concurrency", async () => {
    const jobs = await Promise.all(Array.from({ length: 5 }, () => bench.submit()));
    const gate = new Gate();
    const worker = await bench.work(gate.handler, { concurrency: 2 });
    for (let done = 0; done < jobs.length; done += 1) {
      const expected = Math.min(done + 2, jobs.length);
      await eventually("the free places are filled", () => gate.started.length === expected);
      await bench.settled();
      assert.is(gate.started.length, expected);
      assert.is(worker.running, Math.min(2, jobs.length - done));
      gate.letGo(gate.started[done] ?? "");
    }
  });

  test("one owner's jobs start in the order in which they were submitted", async () => {
    const jobs = [];
    for (let index = 0; index < 6; index += 1) jobs.push(await bench.submit());
    const gate = new Gate();
    await bench.work(
      async (run) => {
        gate.started.push(run.requestId);
        return Buffer.from("done");
      },
      { concurrency: 1 },
    );
    await bench.reaches("SUCCEEDED", jobs[5] ?? (jobs[0] as never));
    assert.equal(
      gate.started,
      jobs.map(({ requestId }) => requestId),
    );
  });

  test("an owner with a long queue does not keep another one waiting", async () => {
    for (let index = 0; index < 20; index += 1) await bench.submit();
    const bobs = await bench.submit({ owner: "bob" });
    const started: string[] = [];
    await bench.work(
      async (run) => {
        started.push(run.requestId);
        return Buffer.from("done");
      },
      { concurrency: 1 },
    );
    await bench.reaches("SUCCEEDED", bobs);
    assert.ok(started.indexOf(bobs.requestId) < 3);
  });

  test("no more of one owner's jobs run at once than perOwner allows, and the others get the rest", async () => {
    for (let index = 0; index < 6; index += 1) await bench.submit();
    const bobs = await bench.submit({ owner: "bob" });
    const gate = new Gate();
    const worker = await bench.work(gate.handler, { concurrency: 4, perOwner: 2 });
    await bench.reaches("RUNNING", bobs);
    await eventually("three start", () => worker.running === 3);
    await bench.settled();
    assert.is(worker.running, 3);
    gate.letGo(gate.started.find((requestId) => requestId !== bobs.requestId) ?? "");
    await eventually("alice's next job starts", () => gate.started.length === 4);
  });

  test("perOwner counts what every worker of the store runs", async () => {
    for (let index = 0; index < 4; index += 1) await bench.submit();
    const gate = new Gate();
    await bench.work(gate.handler, { concurrency: 2, perOwner: 3 });
    await bench.work(gate.handler, { concurrency: 2, perOwner: 3 });
    await eventually("three start", () => gate.started.length === 3);
    await bench.settled();
    assert.is(gate.started.length, 3);
    gate.letGo(gate.started[0] ?? "");
    await eventually("the fourth starts", () => gate.started.length === 4);
  });

  test("jobs of a higher priority start first, whoever they belong to", async () => {
    const late: JobPolicy = { ...POLICY, priority: -1 };
    const urgent: JobPolicy = { ...POLICY, priority: 1 };
    const jobs = [
      await bench.submit({ policy: late }),
      await bench.submit(),
      await bench.submit({ policy: urgent, owner: "bob" }),
      await bench.submit({ policy: urgent }),
      await bench.submit({ policy: urgent, owner: "bob" }),
    ];
    const started: string[] = [];
    await bench.work(
      async (run) => {
        started.push(run.requestId);
        return Buffer.from("done");
      },
      { concurrency: 1 },
    );
    await bench.reaches("SUCCEEDED", jobs[0] as JobView);
    const place = (index: number) => started.indexOf(jobs[index]?.requestId ?? "");
    assert.ok(Math.max(place(2), place(3), place(4)) < place(1));
    assert.ok(place(1) < place(0));
  });

  test("jobs of a tool without a handler stay queued until one comes", async () => {
    const other = await bench.submit({ tool: "other" });
    const job = await bench.submit();
    await bench.work(async () => Buffer.from("done"));
    await bench.reaches("SUCCEEDED", job);
    assert.is((await bench.jobs.get("alice", other.jobId))?.state, "QUEUED");
    await bench.jobs.work(new Map([["other", async () => Buffer.from("other")]]), { concurrency: 1 });
    await bench.reaches("SUCCEEDED", other);
  });

  test("a clock that is set back holds up no job for longer than the longest backoff of its policy", async () => {
    const policy = { ...POLICY, maxBackoffMs: 60_000 };
    const far = await bench.submit({ policy });
    bench.clock.step(-86_400_000);
    await bench.work(async () => Buffer.from("done"));
    await bench.reaches("SUCCEEDED", far);
    const near = await bench.submit({ policy });
    bench.clock.step(-59_000);
    await bench.reaches("SUCCEEDED", near, 5_000);
  });

  test("a worker needs room for one job at least", async () => {
    await rejection(
      "OPTIONS_INVALID",
      bench.work(async () => Buffer.from(""), { concurrency: 0 }),
    );
    await rejection(
      "OPTIONS_INVALID",
      bench.work(async () => Buffer.from(""), { concurrency: 1, perOwner: 0.5 }),
    );
  });

  test("a result above 3 MiB fails the job, one of 3 MiB does not", async () => {
    const large = await bench.submit({ args: Buffer.from([1]) });
    const fitting = await bench.submit({ args: Buffer.from([0]) });
    await bench.work(async ({ args }) => Buffer.alloc(3 * 1024 * 1024 + (args[0] ?? 0)));
    const failed = await bench.reaches("FAILED", large);
    assert.is(failed.error?.reason, "RESULT_TOO_LARGE");
    assert.is(failed.attempt, 1);
    await bench.reaches("SUCCEEDED", fitting);
    assert.is((await bench.jobs.result("alice", fitting.jobId))?.length, 3 * 1024 * 1024);
  });

  test("a failed attempt is followed by another after a backoff that doubles", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 4, maxBackoffMs: 3_000 } });
    const startedMs: number[] = [];
    await bench.work(async () => {
      startedMs.push(bench.clock.nowMs());
      throw new Error("not yet");
    });
    const waiting = await eventually("the first attempt failed", async () => {
      const view = await bench.jobs.get("alice", job.jobId);
      return view?.error !== undefined && view;
    });
    assert.is(waiting.state, "QUEUED");
    assert.is(waiting.error?.reason, "INTERNAL");
    const failed = await bench.reaches("FAILED", job, 40);
    assert.is(failed.attempt, 4);
    const waits = startedMs.slice(1).map((ms, index) => Math.floor((ms - (startedMs[index] ?? 0)) / 1_000));
    assert.equal(waits, [1, 2, 3]);
  });

  test("an unexpected throw is recorded with a fixed text", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 1 } });
    await bench.work(async () => {
      throw new Error("the password is sesame");
    });
    const failed = await bench.reaches("FAILED", job);
    assert.is(failed.error?.reason, "INTERNAL");
    assert.not.match(failed.error?.message ?? "", "sesame");
  });

  test("a refusal that is not retryable fails the job at once, with the tool's own status", async () => {
    const job = await bench.submit();
    await bench.work(async () => {
      throw new SealwireError("TOOL_FAILED", "no such folder", { status: "NOT_FOUND" });
    });
    const failed = await bench.reaches("FAILED", job);
    assert.is(failed.attempt, 1);
    assert.equal(failed.error, {
      reason: "TOOL_FAILED",
      status: "NOT_FOUND",
      message: "no such folder",
      retryable: false,
      violations: [],
      violationsOmitted: 0,
      retryDelayMs: undefined,
      details: [],
    });
  });

  test("a job keeps what its error says for programs: violations with their count, delay and details", async () => {
    const job = await bench.submit();
    const detail = { typeUrl: "type.googleapis.com/test.v1.Extra", value: new Uint8Array([0, 128, 255]) };
    const violations = [{ field: "numbers[0]", ruleId: "double.finite", message: "must be finite\u0000" }];
    await bench.work(async () => {
      const options = { violations, violationsOmitted: 2, retryDelayMs: 1_500, details: [detail] };
      throw new SealwireError("TOOL_FAILED", "not that", options);
    });
    await bench.reaches("FAILED", job);
    await bench.under.restart();
    const error = (await bench.jobs.get("alice", job.jobId))?.error;
    assert.equal(error?.violations, [{ ...violations[0], message: "must be finite\ufffd" }]);
    assert.is(error?.violationsOmitted, 2);
    assert.is(error?.retryDelayMs, 1_500);
    assert.equal(
      error?.details.map(({ typeUrl, value }) => [typeUrl, ...value]),
      [[detail.typeUrl, 0, 128, 255]],
    );
  });

  test("a failed attempt is tried again after the delay of its error, up to the policy's longest backoff", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 4, maxBackoffMs: 5_000 } });
    const askedMs = [3_000, 60_000, 0, 0];
    let started = 0;
    await bench.work(async ({ attempt }) => {
      started += 1;
      throw new SealwireError("TOOL_FAILED", "busy", { retryable: true, retryDelayMs: askedMs[attempt - 1] });
    });
    for (const [attempts, waitMs] of [
      [1, 3_000],
      [2, 5_000],
    ] as const) {
      await eventually(`${attempts} attempts failed`, async () => {
        const view = await bench.jobs.get("alice", job.jobId);
        return view?.attempt === attempts && view.error !== undefined;
      });
      await bench.settled();
      bench.clock.advance(waitMs - 1);
      await bench.settled();
      assert.is(started, attempts);
      bench.clock.advance(1);
    }
    assert.is((await bench.reaches("FAILED", job)).attempt, 4);
  });

  test("an attempt's error and progress are gone when the next one runs", async () => {
    const job = await bench.submit();
    const gate = new Gate();
    await bench.work(async (run) => {
      if (run.attempt > 1) return gate.handler(run);
      run.progress(1, 2);
      throw new SealwireError("TOOL_FAILED", "busy", { retryable: true });
    });
    await eventually("the first attempt failed", async () => (await bench.jobs.get("alice", job.jobId))?.error);
    const again = await bench.reaches("RUNNING", job, 1_000);
    assert.is(again.attempt, 2);
    assert.is(again.error, undefined);
    assert.is(again.progress, undefined);
  });

  test("an attempt beyond its execution time-out is aborted, and fails when the handler heeds it", async () => {
    const job = await bench.submit({ policy: { ...POLICY, executionTimeoutMs: 5_000, maxAttempts: 1 } });
    const gate = new Gate();
    await bench.work(gate.handler);
    await bench.reaches("RUNNING", job);
    await bench.settled();
    bench.clock.advance(4_999);
    await bench.settled();
    assert.is((await bench.jobs.get("alice", job.jobId))?.state, "RUNNING");
    bench.clock.advance(1);
    assert.is((await bench.reaches("FAILED", job)).error?.reason, "EXECUTION_TIMEOUT");
  });

  test("a result that comes after the execution time-out is discarded", async () => {
    const job = await bench.submit({ policy: { ...POLICY, executionTimeoutMs: 5_000, maxAttempts: 1 } });
    await bench.work(async (run) => {
      await new Promise((resolve) => run.signal.addEventListener("abort", resolve));
      return Buffer.from("late");
    });
    await bench.reaches("RUNNING", job);
    await bench.reaches("FAILED", job, 5_000);
    assert.is(await bench.jobs.result("alice", job.jobId), null);
  });

  test("an attempt that reports no progress within its heartbeat time-out is tried again", async () => {
    const job = await bench.submit({ policy: { ...POLICY, heartbeatTimeoutMs: 1_000, maxAttempts: 2 } });
    const run = Promise.withResolvers<JobRun>();
    const gate = new Gate();
    await bench.work((each) => {
      run.resolve(each);
      return gate.handler(each);
    });
    const first = await run.promise;
    for (let beat = 0; beat < 5; beat += 1) {
      bench.clock.advance(900);
      first.progress(beat, 5);
      await bench.settled();
    }
    assert.is((await bench.jobs.get("alice", job.jobId))?.attempt, 1);
    bench.clock.advance(1_000);
    const failedOnce = await eventually("the attempt failed", async () => {
      const view = await bench.jobs.get("alice", job.jobId);
      return view?.error !== undefined && view;
    });
    assert.is(failedOnce.error?.reason, "HEARTBEAT_TIMEOUT");
    assert.is((await bench.reaches("FAILED", job, 500)).attempt, 2);
  });

  test("a job that waits too long for its first attempt fails and never runs", async () => {
    const job = await bench.submit({ policy: { ...POLICY, queueTimeoutMs: 60_000 } });
    bench.clock.advance(60_000);
    const gate = new Gate();
    await bench.work(gate.handler);
    assert.is((await bench.reaches("FAILED", job, 1_000)).error?.reason, "QUEUE_TIMEOUT");
    assert.equal(gate.started, []);
  });

  test("the queue time-out does not count against a job that has had its first attempt", async () => {
    const job = await bench.submit({ policy: { ...POLICY, queueTimeoutMs: 60_000, initialBackoffMs: 120_000 } });
    await bench.work(async ({ attempt }) => {
      if (attempt === 1) throw new Error("not yet");
      return Buffer.from("done");
    });
    await eventually("the first attempt failed", async () => (await bench.jobs.get("alice", job.jobId))?.error);
    assert.is((await bench.reaches("SUCCEEDED", job, 5_000)).attempt, 2);
  });

  test("a stopped worker hands back what runs, which counts as no failure", async () => {
    const job = await bench.submit({ policy: { ...POLICY, maxAttempts: 1 } });
    for (let round = 1; round <= 10; round += 1) {
      const gate = new Gate();
      const worker = await bench.work(gate.handler);
      assert.is((await bench.reaches("RUNNING", job)).attempt, round);
      await worker.stop(1_000);
      const back = await bench.jobs.get("alice", job.jobId);
      assert.is(back?.state, "QUEUED");
      assert.is(back?.error, undefined);
    }
    await bench.work(async () => Buffer.from("done"));
    assert.is((await bench.reaches("SUCCEEDED", job)).attempt, 11);
  });

  test("a stopped worker waits for its handlers as long as its grace, and takes their results", async () => {
    const [quick, deaf] = [await bench.submit(), await bench.submit()];
    const worker = await bench.work(async (run) => {
      if (run.jobId === deaf?.jobId) return new Promise(() => {});
      await new Promise((resolve) => run.signal.addEventListener("abort", resolve));
      return Buffer.from("finished");
    });
    await bench.reaches("RUNNING", deaf);
    const waiting = await bench.submit({ tool: "other" });
    const stopped = worker.stop(2_000);
    await bench.reaches("SUCCEEDED", quick);
    assert.is((await bench.jobs.get("alice", deaf.jobId))?.state, "RUNNING");
    bench.clock.advance(2_000);
    await stopped;
    assert.is((await bench.jobs.get("alice", deaf.jobId))?.state, "QUEUED");
    assert.is((await bench.jobs.get("alice", waiting.jobId))?.state, "QUEUED");
    assert.is(worker.running, 0);
  });

  test("a second stop with a shorter grace cuts the first one short", async () => {
    const job = await bench.submit();
    const worker = await bench.work(() => new Promise(() => {}));
    await bench.reaches("RUNNING", job);
    const patient = worker.stop(60_000);
    const hasty = worker.stop(10);
    bench.clock.advance(10);
    await Promise.all([patient, hasty]);
    assert.is((await bench.jobs.get("alice", job.jobId))?.state, "QUEUED");
  });

  test("a job whose outcome the store refuses for good runs once and fails with a reason of its own", async () => {
    await bench.under.refuseResults();
    let runs = 0;
    const job = await bench.submit();
    const sound = await bench.submit({ requestId: "sound" });
    await bench.work(async ({ requestId }) => {
      runs += 1;
      if (requestId === "sound") throw new SealwireError("TOOL_FAILED", "on purpose");
      return Buffer.from("refused");
    });
    const failed = await bench.reaches("FAILED", job, 1_000);
    assert.is(failed.error?.reason, "INTERNAL");
    assert.match(failed.error?.message ?? "", "cannot record");
    assert.is(failed.attempt, 1);
    assert.is((await bench.reaches("FAILED", sound)).error?.reason, "TOOL_FAILED");
    bench.clock.advance(600_000);
    await bench.settled();
    assert.is(runs, 2);
  });

  test("a stopped worker starts nothing more", async () => {
    const gate = new Gate();
    const worker = await bench.work(gate.handler);
    await worker.stop(0);
    const job = await bench.submit();
    await bench.settled();
    bench.clock.advance(60_000);
    await bench.settled();
    assert.is((await bench.jobs.get("alice", job.jobId))?.state, "QUEUED");
    assert.equal(gate.started, []);
  });

  test.run();
}
