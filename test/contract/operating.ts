import fc from "fast-check";
import type { JobView } from "../../src/jobs/job.ts";
import type { AllJobsQuery, OperatorJobView } from "../../src/store/operator-view.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, Gate, POLICY } from "./store-under-test.ts";

/** More jobs than are read one after the other before the lists of the owners are merged. */
const MANY = 2_050;

/** Requirements on every engine: an operator's view of all owners. */
export function operatingContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/operating`);
  const bench = new Bench(engine, test);

  const query = (overrides: Partial<AllJobsQuery> = {}): AllJobsQuery => ({ states: [], pageSize: 2, ...overrides });

  async function all(overrides: Partial<AllJobsQuery> = {}): Promise<OperatorJobView[]> {
    const jobs: OperatorJobView[] = [];
    for (let pageToken: string | undefined; ; ) {
      const page = await bench.operator.jobs(query({ ...overrides, ...(pageToken !== undefined && { pageToken }) }));
      jobs.push(...page.jobs);
      pageToken = page.nextPageToken;
      if (pageToken === undefined) return jobs;
    }
  }

  const ids = (jobs: readonly JobView[]): string[] => jobs.map(({ jobId }) => jobId);

  test("the pages of any filter together have exactly the jobs that match it, of all owners, newest first", async () => {
    const random = fc.sample(
      fc.record({
        owner: fc.constantFrom("alice", "bob", "carol"),
        tool: fc.constantFrom("echo", "other"),
        cancel: fc.boolean(),
        pauseMs: fc.constantFrom(0, 1, 7_000, 60_000),
      }),
      40,
    );
    const jobs: JobView[] = [];
    for (const { owner, tool, cancel, pauseMs } of random) {
      bench.clock.advance(pauseMs);
      const job = await bench.submit({ owner, tool });
      jobs.unshift((cancel ? await bench.jobs.cancel(owner, job.jobId) : undefined) ?? job);
    }
    const times = fc.option(fc.constantFrom(...jobs.map(({ createdAtMs }) => createdAtMs)), { nil: undefined });
    const anyQuery = fc.record(
      {
        states: fc.subarray(["QUEUED", "RUNNING", "CANCELLED"] as const),
        tool: fc.constantFrom(undefined, "echo", "other", "absent"),
        owner: fc.constantFrom(undefined, undefined, "alice", "bob", "nobody"),
        createdSinceMs: times,
        createdBeforeMs: times,
        pageSize: fc.integer({ min: 1, max: 50 }),
      },
      { requiredKeys: ["states", "pageSize"] },
    );
    await fc.assert(
      fc.asyncProperty(anyQuery, async (asked) => {
        const { states, tool, owner, createdSinceMs = 0, createdBeforeMs = Number.POSITIVE_INFINITY } = asked;
        const matching = jobs.filter(
          (job) =>
            (states.length === 0 || states.includes(job.state as never)) &&
            (tool === undefined || job.tool === tool) &&
            (owner === undefined || job.owner === owner) &&
            job.createdAtMs >= createdSinceMs &&
            job.createdAtMs < createdBeforeMs,
        );
        const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
        assert.equal(ids(await all(given)), ids(matching));
      }),
      { numRuns: 60 },
    );
  });

  test("jobs behind thousands of others are found, of few owners and of more than are merged", async () => {
    const rare: JobView[] = [];
    for (const owner of ["alice", "bob", "carol"]) {
      rare.unshift(await bench.submit({ owner, tool: "rare" }), await bench.submit({ owner, tool: "rarer" }));
      bench.clock.advance(60_000);
    }
    const [newest, , oldest] = rare.filter(({ tool }) => tool === "rare") as [JobView, JobView, JobView];
    await bench.jobs.cancel(newest.owner, newest.jobId);
    await Promise.all(
      Array.from({ length: MANY }, () => bench.submit({ owner: "busy", tool: "busy", openJobsMax: MANY })),
    );
    rare.unshift(await bench.submit({ owner: "dave", tool: "rare" }));
    const found = async () => [
      ids(await all({ tool: "rare", pageSize: 2 })),
      ids(await all({ states: ["CANCELLED"], pageSize: 1 })),
      ids(await all({ tool: "rare", states: ["QUEUED"], pageSize: 500 })),
      ids(await all({ tool: "rare", createdBeforeMs: oldest.createdAtMs + 1, pageSize: 1 })),
      ids(await all({ tool: "absent" })),
    ];
    const of = (matches: (job: JobView) => boolean) => ids(rare.filter((job) => job.tool === "rare" && matches(job)));
    const expected = [
      of(() => true),
      [newest.jobId],
      of((job) => job !== newest),
      of(({ createdAtMs }) => createdAtMs <= oldest.createdAtMs),
      [],
    ];
    assert.equal(await found(), expected);
    await Promise.all(Array.from({ length: 100 }, (_, owner) => bench.submit({ owner: `owner-${owner}` })));
    assert.equal(await found(), expected);
    assert.is((await all({ states: ["QUEUED"], pageSize: 500 })).length, MANY + rare.length - 1 + 100);
  });

  test("jobs that come between two pages do not disturb the second, and a token is good after a restart", async () => {
    const old = [await bench.submit(), await bench.submit({ owner: "bob" }), await bench.submit()];
    const { nextPageToken = "" } = await bench.operator.jobs(query());
    await bench.submit();
    await bench.under.restart();
    const second = await bench.operator.jobs(query({ pageToken: nextPageToken }));
    assert.equal(ids(second.jobs), [old[0]?.jobId]);
    assert.is(second.nextPageToken, undefined);
  });

  test("a token of another query is refused by name, and so is one of an owner's list", async () => {
    for (let index = 0; index < 3; index += 1) await bench.submit();
    const { nextPageToken: pageToken = "" } = await bench.operator.jobs(query());
    const own = await bench.jobs.list({ owner: "alice", states: [], pageSize: 2 });
    const strange = [
      query({ pageToken: String(own.nextPageToken) }),
      query({ owner: "alice", pageToken }),
      query({ tool: "echo", pageToken }),
      query({ states: ["QUEUED"], pageToken }),
      query({ createdSinceMs: 0, pageToken }),
      query({ createdBeforeMs: 0, pageToken }),
      query({ pageToken: "" }),
    ];
    for (const each of strange) {
      const { violations } = await rejection("ARGS_INVALID", bench.operator.jobs(each));
      assert.is(violations[0]?.field, "page_token");
    }
    await rejection("ARGS_INVALID", bench.jobs.list({ owner: "alice", states: [], pageSize: 2, pageToken }));
    assert.is((await bench.operator.jobs(query({ pageToken }))).jobs.length, 1);
  });

  test("the job of any owner is read with its arguments until it ends, with its result, and nothing for one that does not exist", async () => {
    const job = await bench.submit({ owner: "bob", args: Buffer.from("args of bob") });
    assert.equal(await bench.operator.job(job.jobId), { ...job, instance: undefined });
    assert.is(await bench.operator.result(job.jobId), null);
    assert.is(Buffer.from((await bench.operator.args(job.jobId)) ?? []).toString(), "args of bob");
    await bench.work(async () => Buffer.from("done"));
    await bench.reaches("SUCCEEDED", job);
    assert.is(Buffer.from((await bench.operator.result(job.jobId)) ?? []).toString(), "done");
    assert.is(await bench.operator.args(job.jobId), null);
    for (const none of [
      bench.operator.job("none"),
      bench.operator.args("none"),
      bench.operator.result("none"),
      bench.operator.cancel("none"),
    ]) {
      assert.is(await none, null);
    }
    assert.equal(await bench.operator.attempts("none", 10), []);
  });

  test("a job has the process that runs it or ran its last attempt, and none while it waits", async () => {
    const policy = { ...POLICY, initialBackoffMs: 60_000 };
    const [failing, running] = [await bench.submit({ policy }), await bench.submit({ owner: "bob" })];
    const { instanceId } = bench.under.store;
    const instances = async () => (await all()).map(({ jobId, instance }) => [jobId, instance]);
    assert.equal(await instances(), [
      [running.jobId, undefined],
      [failing.jobId, undefined],
    ]);
    const gate = new Gate();
    await bench.work((run) => {
      if (run.requestId === failing.requestId) throw new Error("a fault");
      return gate.handler(run);
    });
    await bench.reaches("RUNNING", running);
    await eventually("the first attempt has failed", async () => (await bench.operator.job(failing.jobId))?.error);
    assert.equal(await instances(), [
      [running.jobId, instanceId],
      [failing.jobId, undefined],
    ]);
    gate.letGo(running.requestId);
    await bench.reaches("SUCCEEDED", running);
    assert.is((await bench.operator.job(running.jobId))?.instance, instanceId);
  });

  test("a cancel of any owner's job does what the owner's does: workers and watches are told, and once is enough", async () => {
    const queued = await bench.submit({ owner: "bob", tool: "absent" });
    const running = await bench.submit({ owner: "bob" });
    const gate = new Gate();
    await bench.work(gate.handler);
    await bench.reaches("RUNNING", running);
    const seen: string[] = [];
    const watched = (async () => {
      for await (const { state } of bench.jobs.watch("bob", running.jobId)) seen.push(state);
    })();
    const ended = await bench.operator.cancel(queued.jobId);
    assert.equal([ended?.state, ended?.error?.reason], ["CANCELLED", "CANCELLED"]);
    assert.equal(await bench.operator.cancel(queued.jobId), ended);
    const asked = await bench.operator.cancel(running.jobId);
    assert.equal([asked?.state, asked?.cancelRequested], ["RUNNING", true]);
    await bench.reaches("CANCELLED", running);
    await watched;
    assert.is(seen.at(-1), "CANCELLED");
  });

  test("the statistics have the jobs of each tool by state, and are at most a second old", async () => {
    const none = { QUEUED: 0, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 };
    assert.equal(await bench.operator.statsByTool(), []);
    for (const owner of ["alice", "bob"]) await bench.submit({ owner, tool: "other" });
    const job = await bench.submit();
    await bench.jobs.cancel("alice", (await bench.submit()).jobId);
    const gate = new Gate();
    await bench.work(gate.handler);
    await bench.reaches("RUNNING", job);
    bench.clock.advance(1_000);
    assert.equal(await bench.operator.statsByTool(), [
      { tool: "echo", byState: { ...none, RUNNING: 1, CANCELLED: 1 } },
      { tool: "other", byState: { ...none, QUEUED: 2 } },
    ]);
    gate.letGo(job.requestId);
    await bench.reaches("SUCCEEDED", job);
    bench.clock.advance(1_000);
    assert.equal((await bench.operator.statsByTool())[0]?.byState, { ...none, SUCCEEDED: 1, CANCELLED: 1 });
  });

  test("a process is seen as it announced itself, with its running attempts, and a dead one is not", async () => {
    await bench.under.store.announce({ role: "server", address: "127.0.0.1:50051" });
    const jobs = [await bench.submit({ policy: { ...POLICY, initialBackoffMs: 1 } }), await bench.submit()];
    await bench.work(new Gate().handler);
    for (const job of jobs) await bench.reaches("RUNNING", job);
    const [first, ...others] = await bench.operator.instances();
    assert.equal(others, []);
    assert.equal(
      [first?.role, first?.address, first?.version === "", first?.running],
      ["server", "127.0.0.1:50051", false, 2],
    );
    assert.ok((first?.sinceMs ?? 0) <= (first?.renewedAtMs ?? -1));
    await bench.under.crash();
    const [second, ...more] = await bench.operator.instances();
    assert.equal(more, []);
    assert.is.not(second?.id, first?.id);
    assert.equal([second?.role, second?.address, second?.running], ["worker", "", 0]);
  });

  test.run();
}
