import type { JobView } from "../../../src/jobs/job.ts";
import { JobNotifier } from "../../../src/jobs/watch/job-notifier.ts";
import { JobWatch } from "../../../src/jobs/watch/job-watch.ts";
import { settled } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("jobs/watch/job-watch");

let clock = new FakeClock();
let notifier: JobNotifier;
let stored: JobView;
let reads = 0;
let away = false;

test.before.each(() => {
  clock = new FakeClock();
  reads = 0;
  stored = view(1);
  notifier = new JobNotifier({
    clock,
    read: async (jobIds) => {
      reads += 1;
      if (away) throw new Error("the store is away");
      return jobIds.includes(stored.jobId) ? [stored] : [];
    },
  });
});
test.after.each(async () => {
  await notifier.close();
  assert.is(clock.timers, 0);
});

function view(revision: number, state: JobView["state"] = "RUNNING"): JobView {
  const times = {
    createdAtMs: 0,
    startedAtMs: undefined,
    endedAtMs: undefined,
    expiresAtMs: undefined,
    traceId: undefined,
  };
  const counts = {
    revision,
    attempt: 1,
    maxAttempts: 3,
    progress: undefined,
    error: undefined,
    cancelRequested: false,
  };
  return { jobId: "job", owner: "alice", tool: "echo", requestId: "request", state, ...counts, ...times };
}

const watch = (signal?: AbortSignal) =>
  new JobWatch({ notifier, owner: "alice", jobId: "job", afterRevision: 0, signal });

test("ten thousand watchers of one job cost one read in all", async () => {
  const watches = Array.from({ length: 10_000 }, () => watch());
  await Promise.all(watches.map((each) => each.next()));
  for (let revision = 2; revision < 5; revision += 1) {
    const steps = Promise.all(watches.map((each) => each.next()));
    await settled();
    notifier.publish(view(revision));
    for (const step of await steps) assert.is(step.value?.revision, revision);
  }
  assert.is(reads, 1);
});

test("a change wakes so many at once that others are served between, and all in the end", async () => {
  const watches = Array.from({ length: 1_000 }, () => watch());
  await Promise.all(watches.map((each) => each.next()));
  let woken = 0;
  const steps = watches.map(async (each) => {
    assert.is((await each.next()).value?.revision, 3);
    woken += 1;
  });
  await settled();
  notifier.publish(view(2));
  notifier.publish(view(3));
  let others = 0;
  while (woken < 1_000) {
    const before = woken;
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(woken - before <= 200);
    others += 1;
  }
  assert.ok(others >= 5);
  await Promise.all(steps);
});

test("a watcher that was busy while several changes came gets the newest", async () => {
  const slow = watch();
  await slow.next();
  for (let revision = 2; revision < 9; revision += 1) notifier.publish(view(revision));
  assert.is((await slow.next()).value?.revision, 8);
});

test("a change that nobody told of is found by the slow poll", async () => {
  const lone = watch();
  await lone.next();
  const next = lone.next();
  await settled();
  stored = view(2);
  clock.advance(5_000);
  assert.is((await next).value?.revision, 2);
});

test("a watcher that is dropped between steps holds nothing after one poll interval", async () => {
  await watch().next();
  assert.is(notifier.size, 1);
  clock.advance(5_000);
  assert.is(notifier.size, 0);
});

test("a watcher that was left, aborted or has seen the end holds nothing either", async () => {
  const controller = new AbortController();
  const [left, aborted, ended] = [watch(), watch(controller.signal), watch()];
  for (const each of [left, aborted, ended]) await each.next();
  const steps = [left, aborted, ended].map((each) => each.next());
  await settled();
  await left.return();
  controller.abort();
  notifier.publish(view(2, "SUCCEEDED"));
  const [first, second, third] = await Promise.all(steps);
  assert.ok(first?.done && second?.done && !third?.done);
  clock.advance(5_000);
  assert.is(notifier.size, 0);
});

test("a poll that cannot read leaves the watcher waiting", async () => {
  const lone = watch();
  await lone.next();
  const next = lone.next();
  await settled();
  away = true;
  clock.advance(5_000);
  await settled();
  away = false;
  stored = view(3);
  clock.advance(5_000);
  assert.is((await next).value?.revision, 3);
});

test("a change that overtakes the first read of a job, or comes late, never turns it back", async () => {
  const slow = Promise.withResolvers<readonly JobView[]>();
  await using raced = {
    notifier: new JobNotifier({ clock, read: () => slow.promise }),
    [Symbol.asyncDispose]: () => raced.notifier.close(),
  };
  const lone = new JobWatch({
    notifier: raced.notifier,
    owner: "alice",
    jobId: "job",
    afterRevision: 0,
    signal: undefined,
  });
  const first = lone.next();
  await settled();
  raced.notifier.publish(view(3));
  slow.resolve([view(2)]);
  assert.is((await first).value?.revision, 3);
  const next = lone.next();
  await settled();
  raced.notifier.publish(view(1));
  raced.notifier.publish(view(4));
  assert.is((await next).value?.revision, 4);
});

test("a watch that is aborted while its job is read for the first time ends", async () => {
  const slow = Promise.withResolvers<readonly JobView[]>();
  const read = new JobNotifier({ clock, read: () => slow.promise });
  const controller = new AbortController();
  const { signal } = controller;
  const lone = new JobWatch({ notifier: read, owner: "alice", jobId: "job", afterRevision: 1, signal });
  const next = lone.next();
  await settled();
  controller.abort();
  slow.resolve([view(1)]);
  assert.is((await next).done, true);
  await read.close();
});

test("a job that was removed ends its watch", async () => {
  const lone = watch();
  await lone.next();
  const next = lone.next().catch((error) => error.reason);
  await settled();
  stored = { ...stored, jobId: "another" };
  clock.advance(5_000);
  assert.is(await next, "JOB_NOT_FOUND");
});

test.run();
