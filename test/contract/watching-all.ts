import fc from "fast-check";
import type { JobHandler, JobNews, WatchAllOptions } from "../../src/jobs/engine.ts";
import type { JobView } from "../../src/jobs/job.ts";
import { isTerminal } from "../../src/jobs/transitions.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";
import { Bench, type EngineUnderTest, Gate } from "./store-under-test.ts";

/** Requirements on every engine: watches of all jobs of an owner. */
export function watchingAllContract(engine: EngineUnderTest): void {
  const test = suite(`contract/${engine.name}/watching-all`);
  const bench = new Bench(engine, test);

  /** A watcher of an owner's jobs that can be disconnected at any time. */
  class Follower {
    readonly picture = new Map<string, JobView>();
    /** Received states such as "request-1 RUNNING", in order. */
    readonly heard: string[] = [];
    readonly #owner: string;
    readonly #options: WatchAllOptions;
    #resumeMs: number | undefined;
    #cut = new AbortController();
    #steps: AsyncIterator<JobNews> | undefined;
    #pending: Promise<IteratorResult<JobNews, unknown>> | undefined;
    #given = new Map<string, number>();

    constructor(owner = "alice", options: WatchAllOptions = {}) {
      this.#owner = owner;
      this.#options = options;
    }

    get resumeMs(): number | undefined {
      return this.#resumeMs;
    }

    /** Reads the first item. */
    async begins(): Promise<void> {
      await eventually("the watch begins", () => this.step());
    }

    /** Reads one item if one is available without advancing the clock. */
    async step(): Promise<boolean> {
      this.#steps ??= this.#open();
      this.#pending ??= this.#steps.next();
      const step = await Promise.race([this.#pending, bench.settled()]);
      if (step === undefined) return false;
      this.#pending = undefined;
      if (step.done) return false;
      this.#take(step.value);
      return true;
    }

    async steps(): Promise<void> {
      while (await this.step());
    }

    /** Reads items until exactly these states have been received in total. */
    async hears(...all: readonly string[]): Promise<void> {
      await eventually(`it hears ${all}`, async () => {
        await this.steps();
        return all.every((each) => this.heard.includes(each));
      });
      await this.steps();
      assert.equal([...this.heard].sort(), [...all].sort());
    }

    /** Ends the watch. A pending item is lost. The next read resumes with a new watch. */
    async cut(): Promise<void> {
      this.#cut.abort();
      await this.#pending?.catch(() => {});
      await this.#steps?.return?.();
      this.#cut = new AbortController();
      this.#steps = undefined;
      this.#pending = undefined;
      this.#given = new Map();
    }

    #open(): AsyncIterator<JobNews> {
      const resume = this.#resumeMs === undefined ? {} : { endedSinceMs: this.#resumeMs };
      const options = { ...this.#options, ...resume, signal: this.#cut.signal };
      return bench.jobs.watchAll(this.#owner, options)[Symbol.asyncIterator]();
    }

    #take({ jobs, resumeMs }: JobNews): void {
      for (const job of jobs) {
        assert.ok(job.revision > (this.#given.get(job.jobId) ?? 0), "a stream gives each revision once");
        this.#given.set(job.jobId, job.revision);
        const known = this.picture.get(job.jobId);
        assert.ok(job.revision >= (known?.revision ?? 0), "no revision falls");
        if (job.revision === known?.revision) continue;
        assert.not(known !== undefined && isTerminal(known.state), "a terminal state is the last");
        this.picture.set(job.jobId, job);
        this.heard.push(`${job.requestId} ${job.state}`);
      }
      this.#resumeMs = resumeMs;
    }
  }

  async function listed(owner: string): Promise<JobView[]> {
    const jobs: JobView[] = [];
    for (let pageToken: string | undefined; ; ) {
      const page = await bench.jobs.list({ owner, states: [], pageSize: 500, ...(pageToken && { pageToken }) });
      jobs.push(...page.jobs);
      pageToken = page.nextPageToken;
      if (pageToken === undefined) return jobs;
    }
  }

  const byId = (jobs: Iterable<JobView>): JobView[] =>
    [...jobs].sort((one, other) => (one.jobId < other.jobId ? -1 : 1));

  test("it gives the owner's open jobs, then every change and every new job, and no other owner's", async () => {
    await bench.submit({ owner: "bob", requestId: "bob's" });
    const ended = await bench.submit({ requestId: "ended before" });
    await bench.jobs.cancel("alice", ended.jobId);
    await bench.submit({ requestId: "first" });
    const follower = new Follower();
    await follower.hears("first QUEUED");
    const second = await bench.submit({ requestId: "second" });
    await bench.submit({ owner: "bob", requestId: "bob's second" });
    await follower.hears("first QUEUED", "second QUEUED");
    await bench.jobs.cancel("alice", second.jobId);
    await follower.hears("first QUEUED", "second QUEUED", "second CANCELLED");
    const gate = new Gate();
    await bench.work(gate.handler);
    await eventually("the first job runs", async () => {
      await follower.steps();
      return follower.heard.includes("first RUNNING");
    });
    gate.letGo("first");
    await eventually("the first job ends", async () => {
      await follower.steps();
      return follower.heard.includes("first SUCCEEDED");
    });
    assert.equal(follower.heard, [
      "first QUEUED",
      "second QUEUED",
      "second CANCELLED",
      "first RUNNING",
      "first SUCCEEDED",
    ]);
    await follower.cut();
  });

  test("the first step comes at once and says where to resume, also without any job", async () => {
    const follower = new Follower("nobody");
    await follower.begins();
    assert.type(follower.resumeMs, "number");
    assert.not(await follower.step());
    await follower.cut();
  });

  test("who resumes is given what ended meanwhile, also jobs that it never heard of", async () => {
    const known = await bench.submit({ requestId: "known" });
    const follower = new Follower();
    await follower.hears("known QUEUED");
    await follower.cut();
    const unheard = await bench.submit({ requestId: "unheard" });
    bench.clock.advance(60_000);
    await bench.jobs.cancel("alice", unheard.jobId);
    bench.clock.advance(60_000);
    await bench.jobs.cancel("alice", known.jobId);
    await bench.submit({ requestId: "open" });
    await follower.hears("known QUEUED", "known CANCELLED", "open QUEUED", "unheard CANCELLED");
    await follower.cut();
  });

  test("a watch that is cut off after its first step misses no end of a job that was open then", async () => {
    const job = await bench.submit({ requestId: "open" });
    const follower = new Follower();
    await follower.begins();
    await follower.cut();
    assert.equal(follower.heard, []);
    await bench.jobs.cancel("alice", job.jobId);
    await follower.hears("open CANCELLED");
    await follower.cut();
  });

  test("a resumed watch that is cut off after its first step has still to be given what ended before", async () => {
    const follower = new Follower();
    await follower.begins();
    for (const requestId of ["one", "other"]) {
      await follower.cut();
      const job = await bench.submit({ requestId });
      bench.clock.advance(1_000);
      await bench.jobs.cancel("alice", job.jobId);
      await follower.begins();
    }
    await follower.cut();
    await follower.hears("one CANCELLED", "other CANCELLED");
    await follower.cut();
  });

  test("the slow poll gives nothing again, also where another watch of the owner asks for more", async () => {
    const early = new Follower();
    await early.begins();
    for (const requestId of ["one", "other"]) {
      const job = await bench.submit({ requestId });
      bench.clock.advance(1_000);
      await bench.jobs.cancel("alice", job.jobId);
    }
    const [late, whole] = [new Follower(), new Follower("alice", { endedSinceMs: 0 })];
    await late.begins();
    await whole.hears("one CANCELLED", "other CANCELLED");
    for (let poll = 0; poll < 3; poll += 1) {
      await Promise.all([early.steps(), late.steps(), whole.steps()]);
      bench.clock.advance(5_000);
      await bench.settled();
    }
    assert.equal(late.heard, []);
    await whole.hears("one CANCELLED", "other CANCELLED");
    await Promise.all([early.cut(), late.cut(), whole.cut()]);
  });

  test("an end that comes after the clock was set back is given to who resumes", async () => {
    const [one, other] = [await bench.submit({ requestId: "one" }), await bench.submit({ requestId: "other" })];
    await bench.jobs.cancel("alice", one.jobId);
    const follower = new Follower();
    await follower.hears("other QUEUED");
    await follower.cut();
    bench.clock.step(-3_600_000);
    const late = await bench.submit({ requestId: "late" });
    await bench.jobs.cancel("alice", late.jobId);
    await bench.jobs.cancel("alice", other.jobId);
    // An end from shortly before the first stream may be received, too.
    await eventually("both ends are given", async () => {
      await follower.steps();
      return follower.heard.includes("late CANCELLED") && follower.heard.includes("other CANCELLED");
    });
    await follower.cut();
  });

  test("jobs that ended since a given time come with the open ones", async () => {
    const early = await bench.submit({ requestId: "early" });
    await bench.jobs.cancel("alice", early.jobId);
    bench.clock.advance(1_000);
    const late = await bench.submit({ requestId: "late" });
    const { endedAtMs } = (await bench.jobs.cancel("alice", late.jobId)) ?? {};
    await bench.submit({ requestId: "open" });
    const follower = new Follower("alice", { endedSinceMs: endedAtMs ?? 0 });
    await follower.hears("late CANCELLED", "open QUEUED");
    await follower.cut();
  });

  test("a watch of one tool gives the jobs of that tool", async () => {
    const other = await bench.submit({ tool: "other", requestId: "other" });
    await bench.submit({ requestId: "mine" });
    const follower = new Follower("alice", { tool: "echo", endedSinceMs: 0 });
    await follower.hears("mine QUEUED");
    await bench.jobs.cancel("alice", other.jobId);
    await bench.submit({ requestId: "mine too" });
    await follower.hears("mine QUEUED", "mine too QUEUED");
    await follower.cut();
  });

  test("more jobs than are read at once are given whole, open and ended ones", async () => {
    const jobs = await Promise.all(Array.from({ length: 450 }, () => bench.submit({ openJobsMax: 10_000 })));
    for (const { jobId } of jobs.slice(0, 225)) await bench.jobs.cancel("alice", jobId);
    const follower = new Follower("alice", { endedSinceMs: 0 });
    await eventually("all are given", async () => {
      await follower.steps();
      return follower.picture.size === jobs.length;
    });
    assert.equal(byId(follower.picture.values()), byId(await listed("alice")));
    await follower.cut();
  });

  test("a reader that is busy meanwhile is given the newest state once", async () => {
    const follower = new Follower();
    await follower.begins();
    await follower.steps();
    const job = await bench.submit({ requestId: "short" });
    await bench.work(async () => Buffer.from("done"));
    await bench.reaches("SUCCEEDED", job);
    await eventually("it hears the end", async () => {
      await follower.steps();
      return follower.heard.at(-1) === "short SUCCEEDED";
    });
    // The pending read received the first state; all others were merged.
    assert.ok(follower.heard.length <= 2, follower.heard.join());
    await follower.cut();
  });

  test("a watch ends quietly when its signal aborts, and with UNAVAILABLE when the store closes", async () => {
    const controller = new AbortController();
    const steps = bench.jobs.watchAll("alice", { signal: controller.signal })[Symbol.asyncIterator]();
    await steps.next();
    const next = steps.next();
    await bench.settled();
    controller.abort();
    assert.is((await next).done, true);
    const open = bench.jobs.watchAll("alice")[Symbol.asyncIterator]();
    await open.next();
    const refused = rejection("UNAVAILABLE", open.next());
    await bench.settled();
    await bench.under.restart();
    await refused;
  });

  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("submit"), tool: fc.constantFrom("echo", "other") }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("cancel"), pick: fc.nat() }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("finish"), pick: fc.nat() }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("read"), pick: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("cut") }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("advance"), ms: fc.nat(12_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("step"), ms: fc.integer({ min: -600_000, max: 600_000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart") }) },
  );

  test("whatever happens, and however often it is cut off, a follower ends up with the picture of the list", async () => {
    let owners = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
        owners += 1;
        const owner = `owner-${owners}`;
        let gate = new Gate();
        const handler: JobHandler = (run) => {
          run.progress(run.attempt, 3);
          return gate.handler(run);
        };
        const work = () =>
          bench.jobs.work(
            new Map([
              ["echo", handler],
              ["other", handler],
            ]),
            { concurrency: 3 },
          );
        let worker = await work();
        const jobs: JobView[] = [];
        const picked = (pick: number) => jobs[pick % Math.max(jobs.length, 1)];
        const follower = new Follower(owner);
        const ofTool = new Follower(owner, { tool: "other" });
        await follower.begins();
        await ofTool.begins();
        for (const { kind, ...given } of operations) {
          const { tool = "echo", pick = 0, ms = 0 } = given as { tool?: string; pick?: number; ms?: number };
          const job = picked(pick);
          if (kind === "submit") jobs.push(await bench.submit({ owner, tool }));
          else if (kind === "cancel") await (job && bench.jobs.cancel(owner, job.jobId));
          else if (kind === "finish") gate.letGo(job?.requestId ?? "");
          else if (kind === "read") for (let step = 0; step <= pick; step += 1) await follower.step();
          else if (kind === "advance") bench.clock.advance(ms);
          else if (kind === "step") bench.clock.step(ms);
          else if (kind === "cut") {
            await follower.cut();
            await ofTool.cut();
          } else {
            await worker.stop(0);
            await bench.under.restart();
            gate = new Gate();
            worker = await work();
            await follower.cut();
            await ofTool.cut();
          }
        }
        await worker.stop(0);
        const agree = async () => {
          await follower.steps();
          await ofTool.steps();
          const all = byId(await listed(owner));
          const [one, other] = [byId(follower.picture.values()), byId(ofTool.picture.values())];
          const others = all.filter(({ tool }) => tool === "other");
          return JSON.stringify([one, other]) === JSON.stringify([all, others]);
        };
        await eventually("the pictures agree", agree);
        await follower.cut();
        await ofTool.cut();
      }),
      { numRuns: 25 },
    );
  });

  test.run();
}
