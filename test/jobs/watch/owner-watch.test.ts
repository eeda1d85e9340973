import type { JobNews } from "../../../src/jobs/engine.ts";
import type { JobView } from "../../../src/jobs/job.ts";
import { OwnerNotifier } from "../../../src/jobs/watch/owner-notifier.ts";
import { watchOwner } from "../../../src/jobs/watch/owner-watch.ts";
import { settled } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("jobs/watch/owner-watch");

const POLL_MS = 5_000;

let clock = new FakeClock();
let notifier: OwnerNotifier;
let stored: JobView[] = [];
let reads: (number | undefined)[] = [];
let away = false;

test.before.each(() => {
  clock = new FakeClock();
  stored = [];
  reads = [];
  away = false;
  notifier = new OwnerNotifier({
    clock,
    read: async (_owner, sinceMs) => {
      if (away) throw new Error("the store is away");
      reads.push(sinceMs);
      const resumeMs = Math.max(0, ...stored.map(({ endedAtMs = 0 }) => endedAtMs));
      const past = stored.filter(({ endedAtMs = -1 }) => sinceMs === undefined && endedAtMs >= resumeMs);
      const page = stored.filter(({ endedAtMs = Infinity }) => endedAtMs >= (sinceMs ?? Infinity));
      return {
        resumeMs,
        past,
        pages: (async function* () {
          yield page;
        })(),
      };
    },
  });
});

test.after.each(() => notifier.close());

function view(jobId: string, revision: number, endedAtMs?: number): JobView {
  const times = { createdAtMs: 0, startedAtMs: undefined, endedAtMs, expiresAtMs: undefined, traceId: undefined };
  const counts = { attempt: 1, maxAttempts: 3, progress: undefined, error: undefined, cancelRequested: false };
  const state = endedAtMs === undefined ? "RUNNING" : "SUCCEEDED";
  return { jobId, owner: "alice", tool: "echo", requestId: jobId, state, revision, ...counts, ...times };
}

/** A watch that begins at once, with what it is given as "job@revision". */
async function begin(signal?: AbortSignal): Promise<{ readonly given: string[]; readonly resumeMs: () => number }> {
  const given: string[] = [];
  let last: JobNews | undefined;
  const follow = async () => {
    for await (const news of watchOwner(notifier, "alice", signal === undefined ? {} : { signal })) {
      last = news;
      given.push(...news.jobs.map(({ jobId, revision }) => `${jobId}@${revision}`));
    }
  };
  // It ends with UNAVAILABLE when the notifier is closed after the test.
  follow().catch(() => {});
  await settled();
  return { given, resumeMs: () => last?.resumeMs ?? Number.NaN };
}

test("changes, new jobs and ends that nobody told of are found by the slow poll", async () => {
  stored = [view("known", 1), view("ending", 1), view("over", 1, 100)];
  const { given, resumeMs } = await begin();
  stored = [view("known", 2), view("ending", 2, 100), view("unheard", 3, 200), view("over", 1, 100)];
  clock.advance(POLL_MS);
  await settled();
  assert.equal(given, ["known@1", "ending@1", "known@2", "ending@2", "unheard@3"]);
  clock.advance(POLL_MS);
  await settled();
  assert.is(given.length, 5);
  assert.is(resumeMs(), 200);
});

test("all watches of an owner cost one read a poll, and none once they are left", async () => {
  const controller = new AbortController();
  for (let watch = 0; watch < 100; watch += 1) await begin(controller.signal);
  assert.is(reads.length, 100);
  clock.advance(POLL_MS);
  await settled();
  assert.is(reads.length, 101);
  controller.abort();
  await settled();
  assert.equal(notifier.owners, []);
  clock.advance(POLL_MS);
  await settled();
  assert.is(reads.length, 101);
});

test("a hint reads the jobs of its owner at once, if anyone watches them", async () => {
  const { given } = await begin();
  stored = [view("new", 1)];
  await notifier.readAgain(["bob"]);
  assert.is(reads.length, 1);
  await notifier.readAgain(["bob", "alice"]);
  await settled();
  assert.equal(given, ["new@1"]);
});

test("a poll that cannot read leaves the watch waiting", async () => {
  const { given } = await begin();
  away = true;
  stored = [view("new", 1)];
  clock.advance(POLL_MS);
  await settled();
  away = false;
  clock.advance(POLL_MS);
  await settled();
  assert.equal(given, ["new@1"]);
});

test("a read that was overtaken by what was published gives nothing old", async () => {
  stored = [view("job", 1)];
  const { given } = await begin();
  const late = notifier.readAgain();
  notifier.publish(view("job", 2));
  await late;
  await settled();
  assert.equal(given, ["job@1", "job@2"]);
});

test.run();
