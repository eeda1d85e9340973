import { SealwireError } from "../../src/errors.ts";
import type { JobHandler } from "../../src/jobs/engine.ts";
import { HandBackError } from "../../src/jobs/hand-back.ts";
import type { JobView } from "../../src/jobs/job.ts";
import type { AttemptRecord } from "../../src/store/operator-view.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, POLICY } from "./store-under-test.ts";

/** Requirements on every engine: the record of a job's attempts. */
export function attemptsContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/attempts`);
  const bench = new Bench(engine, test);

  const attempts = ({ jobId }: JobView, limit = 50) => bench.operator.attempts(jobId, limit);
  const outcomes = (records: readonly AttemptRecord[]): string[] =>
    records.map(({ attempt, outcome, error }) => [attempt, outcome, error?.reason].join(" ").trim());
  const policy = { ...POLICY, initialBackoffMs: 1_000 };

  test("a job that waits has none, one that runs has one without an end, and its end is recorded with the job's", async () => {
    const job = await bench.submit();
    assert.equal(await attempts(job), []);
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    bench.clock.advance(1_000);
    const startedAtMs = bench.clock.nowMs();
    await bench.work(() => promise);
    await bench.reaches("RUNNING", job);
    const [running] = await attempts(job);
    const [{ id: instance } = { id: "" }] = await bench.operator.instances();
    assert.not.equal(instance, "");
    const begun = { attempt: 1, instance, startedAtMs };
    assert.equal(running, { ...begun, endedAtMs: undefined, outcome: undefined, error: undefined });
    bench.clock.advance(1_000);
    resolve(Buffer.from("done"));
    const { endedAtMs } = await bench.reaches("SUCCEEDED", job);
    assert.is(endedAtMs, startedAtMs + 1_000);
    assert.equal(await attempts(job), [{ ...begun, endedAtMs, outcome: "SUCCEEDED", error: undefined }]);
  });

  test("each failed attempt has its own error, its message cut, and the newest come first", async () => {
    const job = await bench.submit({ policy });
    await bench.work(async ({ attempt }) => {
      throw new SealwireError("TOOL_FAILED", `${attempt} ${"x".repeat(400)}`, { retryable: true });
    });
    await bench.reaches("FAILED", job, 1_000);
    const records = await attempts(job);
    assert.equal(outcomes(records), ["3 FAILED TOOL_FAILED", "2 FAILED TOOL_FAILED", "1 FAILED TOOL_FAILED"]);
    for (const { attempt, error, startedAtMs, endedAtMs } of records) {
      assert.is(error?.message, `${attempt} ${"x".repeat(253)}…`);
      assert.ok((endedAtMs ?? 0) >= startedAtMs);
    }
    for (const [index, { startedAtMs }] of records.slice(0, -1).entries()) {
      assert.ok(
        startedAtMs > (records[index + 1]?.endedAtMs ?? Number.POSITIVE_INFINITY),
        "none before the end of another",
      );
    }
    assert.equal(outcomes(await attempts(job, 2)), outcomes(records.slice(0, 2)));
    assert.equal(outcomes(await attempts(job, 1)), outcomes(records.slice(0, 1)));
  });

  test("an attempt that was handed back says so, and is no failure", async () => {
    const job = await bench.submit();
    const handler: JobHandler = async ({ attempt }) => {
      if (attempt < 3) throw new HandBackError("its server stops", { began: true, delayMs: 0 });
      return Buffer.from("done");
    };
    await bench.work(handler);
    await bench.reaches("SUCCEEDED", job);
    assert.equal(outcomes(await attempts(job)), ["3 SUCCEEDED", "2 HANDED_BACK", "1 HANDED_BACK"]);
  });

  test("an attempt whose process died is lost, and the next one is of another process", async () => {
    const job = await bench.submit({ policy });
    await bench.work(() => new Promise(() => {}));
    await bench.reaches("RUNNING", job);
    await bench.under.crash();
    const [lost] = await attempts(job);
    assert.equal(outcomes(lost === undefined ? [] : [lost]), ["1 LOST WORKER_LOST"]);
    // Another attempt follows, so nothing may say that none is left.
    assert.is(lost?.error?.message, "The process that ran the attempt was lost.");
    await bench.work(async () => Buffer.from("done"));
    await bench.reaches("SUCCEEDED", job, 1_000);
    const records = await attempts(job);
    assert.equal(outcomes(records), ["2 SUCCEEDED", "1 LOST WORKER_LOST"]);
    assert.is.not(records[0]?.instance, records[1]?.instance);
  });

  test("the last attempt of a job whose processes died each time is lost, and the job has failed", async () => {
    const job = await bench.submit({ policy: { ...policy, maxAttempts: 1 } });
    await bench.work(() => new Promise(() => {}));
    await bench.reaches("RUNNING", job);
    await bench.under.crash();
    await bench.reaches("FAILED", job);
    assert.equal(outcomes(await attempts(job)), ["1 LOST WORKER_LOST"]);
  });

  test("a cancelled attempt ends as its job, and a job that is cancelled while it waits gets no further attempt", async () => {
    const running = await bench.submit();
    const waiting = await bench.submit({ tool: "fails", policy });
    const handlers = new Map<string, JobHandler>([
      [
        "echo",
        ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ],
      ["fails", () => Promise.reject(new SealwireError("TOOL_FAILED", "no", { retryable: true }))],
    ]);
    await bench.jobs.work(handlers, { concurrency: 2 });
    await bench.reaches("RUNNING", running);
    await bench.jobs.cancel("alice", running.jobId);
    await bench.reaches("CANCELLED", running);
    assert.equal(outcomes(await attempts(running)), ["1 CANCELLED CANCELLED"]);
    await bench.settled();
    assert.equal(outcomes(await attempts(waiting)), ["1 FAILED TOOL_FAILED"]);
    await bench.jobs.cancel("alice", waiting.jobId);
    await bench.reaches("CANCELLED", waiting);
    assert.equal(outcomes(await attempts(waiting)), ["1 FAILED TOOL_FAILED"]);
  });

  test("an owner reads the attempts of its own jobs alone, and no job has any once it is forgotten", async () => {
    const job = await bench.submit({ policy });
    await bench.work(({ attempt }) =>
      attempt === 1 ? Promise.reject(new Error("fails")) : Promise.resolve(Buffer.from("done")),
    );
    await bench.reaches("SUCCEEDED", job, 1_000);
    const own = await bench.jobs.getWithAttempts("alice", job.jobId, 10);
    assert.is(own?.job.state, "SUCCEEDED");
    assert.equal(outcomes(own?.attempts ?? []), ["2 SUCCEEDED", "1 FAILED INTERNAL"]);
    assert.is(await bench.jobs.getWithAttempts("bob", job.jobId, 10), null);
    assert.is(await bench.jobs.getWithAttempts("alice", "none", 10), null);
    bench.clock.advance(POLICY.retentionMs + 1_000);
    await bench.jobs.sweep();
    assert.equal(await attempts(job), []);
  });

  test.run();
}
