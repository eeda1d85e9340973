import type { AttemptRecord } from "../../src/jobs/attempt-record.ts";
import { assert, suite } from "../support/suite.ts";
import { violations } from "./checker.ts";
import type { Event, Noted, Sighting } from "./history.ts";

const test = suite("crash/checker");

const started: Event = { kind: "started", askedMs: -1, client: "ann", requestId: "r", jobId: "j" };
const running: Sighting = { jobId: "j", state: "RUNNING", revision: 2, attempt: 1 };
const done: Sighting = { jobId: "j", state: "SUCCEEDED", revision: 3, attempt: 1, outcome: "7" };
const began: Event = { kind: "attempt began", jobId: "j", attempt: 1, pid: 1, onMs: 100_000 };
const beganAgain: Event = { ...began, attempt: 2, onMs: 101_000 };
const returned: Event = { kind: "attempt returned", jobId: "j", attempt: 1, outcome: "7" };
const attemptOf = (outcome: AttemptRecord["outcome"], attempt = 1): AttemptRecord => ({
  attempt,
  instance: "p",
  startedAtMs: 1,
  endedAtMs: outcome === undefined ? undefined : 2,
  outcome,
  error: undefined,
});
const kept = { keptResult: true, failures: 0, attempts: [attemptOf("SUCCEEDED")] };
const atRest: Event = { kind: "at rest", client: "ann", requestId: "r", ...kept, ...done };
const watched = (seen: Sighting): Event => ({ kind: "watched", watch: "w", ...seen });
const told = (seen: Sighting): Event => ({ kind: "told", client: "ann", ...seen });
const toldAll: Event = { kind: "told all", client: "ann" };
const ended: Event = { kind: "watch ended", watch: "w", jobId: "j" };
const frame: Event = { kind: "frame accepted", frame: "f" };
const effect: Event = { kind: "took effect", client: "ann", requestId: "p", outcome: "1", onMs: 100_000 };
const called: Event = { kind: "called", client: "ann", requestId: "p", isRepeatable: true };
const answered: Event = { kind: "answered", askedMs: -1, client: "ann", requestId: "p", outcome: "1" };
/** An answer to a request that was sent before all other events, or after the event with this number. */
const saw = (seen: Sighting, after = -1): Event => ({ kind: "saw", askedMs: after + 0.5, ...seen });

const GOOD = [
  started,
  began,
  watched(running),
  saw(running),
  returned,
  watched(done),
  ended,
  frame,
  called,
  effect,
  answered,
  told(running),
  told(done),
  toldAll,
  atRest,
];

test("what explains an attempt that follows another is a failure of its own or a strike on its process", () => {
  const failed: Event = { kind: "attempt failed", jobId: "j", attempt: 1 };
  const struck: Event = { kind: "struck", fromMs: 100_500, toMs: 100_600 };
  assert.equal(check(...GOOD, failed, beganAgain), []);
  assert.equal(check(...GOOD, struck, beganAgain), []);
  assert.equal(check(...GOOD, { ...struck, pid: 1 }, beganAgain), []);
});

test("what explains a counted failure is a failure of its own, or a strike that is no drain", () => {
  const failed: Event = { kind: "attempt failed", jobId: "j", attempt: 1 };
  const struck: Event = { kind: "struck", fromMs: 100_500, toMs: 100_600 };
  const counted = { state: "FAILED", keptResult: false, failures: 1, attempts: [attemptOf("FAILED")] } as const;
  const jobFailed = { ...atRest, ...counted } as Event;
  assert.equal(check(started, began, jobFailed, failed), []);
  assert.equal(check(started, began, jobFailed, struck), []);
});

test("what was lost with a store is no violation, but a frame that is accepted again is one", () => {
  const lost: Event = { kind: "store lost", how: "files deleted" };
  const renewed: Event = { kind: "store renewed", onMs: 200_000 };
  const back: Event = { kind: "taken back", message: "a client refused to believe it" };
  const before = [started, saw(done), frame, effect, lost, back];
  const newBegan: Event = { ...began, jobId: "i", onMs: 200_100 };
  const newStart: Event = { ...started, askedMs: 1_000, jobId: "i" };
  assert.equal(check(...before, renewed), []);
  assert.equal(check(...before), []);
  assert.equal(check(...before, renewed, { ...effect, onMs: 200_001 }), []);
  assert.equal(check(...before, renewed, { ...newStart, askedMs: 0 } as Event), []);
  assert.equal(check(...before, renewed, frame), ["frame f was accepted 2 times"]);
  assert.equal(check(...before, renewed, newStart, newBegan, beganAgain, began), ["i was accepted and is lost"]);
  const again: Event = { ...effect, requestId: "frame-1" };
  assert.equal(check(again, ...before, renewed, again), ["ann's request frame-1 took effect 2 times"]);
});

/** The events, one a millisecond. */
function check(...events: readonly Event[]): string[] {
  return violations(events.map((event, atMs): Noted => ({ ...event, atMs })));
}

test("a history without fault has no violation", () => {
  assert.equal(check(...GOOD), []);
});

const without = (left: Event) => GOOD.filter((event) => event !== left);
const asLast = (changed: Partial<Extract<Event, { kind: "at rest" }>>) => [
  ...without(atRest),
  { ...atRest, ...changed } as Event,
];

/** Histories with a broken promise, by the sentence that reports it. */
const BROKEN: Readonly<Record<string, readonly Event[]>> = {
  "j was accepted and is lost": without(atRest),
  "j was accepted and then denied": [...GOOD, { kind: "absent", jobId: "j" }],
  "ann's request r has two jobs: i and j": [{ ...started, jobId: "i" } as Event, ...GOOD],
  "j never ended: it is RUNNING": [started, began, { ...atRest, ...running, keptResult: false } as Event],
  "j is SUCCEEDED and no result of it is recorded": asLast({ keptResult: false }),
  "j is CANCELLED and a result of it is recorded": [started, began, { ...atRest, state: "CANCELLED" } as Event],
  "j has two ends: FAILED at revision 3 of attempt 1 (7) and SUCCEEDED at revision 3 of attempt 1 (7)": [
    saw({ ...done, state: "FAILED" }),
    ...GOOD,
  ],
  "j is both QUEUED and RUNNING at revision 2": [saw({ ...running, state: "QUEUED" }), ...GOOD],
  "j was at revision 3, and who asked after that heard 2": [saw(done), saw(running, 0), ...GOOD],
  "a watcher of j saw revision 2 after 3": [watched({ ...running, revision: 3 }), ...GOOD],
  "a watcher of j saw RUNNING after FAILED": [watched({ ...done, state: "FAILED", revision: 1 }), ...GOOD],
  "a watcher of j saw RUNNING at revision 2 of attempt 1 (undefined) last, but its end is SUCCEEDED at revision 3 of attempt 1 (7)":
    GOOD.filter((event) => event.kind !== "watched" || event.state !== "SUCCEEDED"),
  "the stream of all jobs told of j at revision 2 after 4": [told({ ...running, revision: 4 }), ...GOOD],
  "the stream of all jobs told of j as RUNNING last, but its end is SUCCEEDED": GOOD.filter(
    (event) => event.kind !== "told" || event.state !== "SUCCEEDED",
  ),
  "attempt 1 of j began twice": [began, ...GOOD],
  "attempt 1 of j was taken from its process, which nothing had struck": [
    ...GOOD,
    beganAgain,
    { kind: "struck", pid: 2, fromMs: 100_500, toMs: 100_600 },
    { kind: "struck", pid: 1, fromMs: 10_000, toMs: 10_001 },
    { kind: "struck", pid: 1, fromMs: 200_000, toMs: 200_001 },
  ],
  "j has a result (7) that its attempt 1 did not return": without(returned),
  "frame f was accepted 2 times": [frame, ...GOOD],
  "ann's request p took effect 2 times": [effect, ...GOOD],
  "ann's request p was answered with 1 and with 2": [...GOOD, { ...answered, outcome: "2" } as Event],
  "ann's request p was answered with 1, which no run returned": without(effect),
  "ann's request p was answered, and its outcome then unknown": [
    ...GOOD,
    { ...answered, askedMs: 1_000, outcome: undefined } as Event,
  ],
  "ann's request p was never answered": without(answered),
  "j has 1 failures, and nothing but drains": [
    { kind: "struck", fromMs: 100_500, toMs: 100_600, isDrain: true },
    ...asLast({ failures: 1 }),
  ],
  'j: its record has the attempts "" instead of "1"': asLast({ attempts: [] }),
  'j: its record has the attempts "1 1" instead of "2 1"': asLast({
    attempt: 2,
    attempts: [attemptOf("SUCCEEDED"), attemptOf("LOST")],
  }),
  "j: its attempt 1 is recorded as running, but it is SUCCEEDED": asLast({ attempts: [attemptOf(undefined)] }),
  "j: its attempt 1 is recorded to have ended before it started": asLast({
    attempts: [{ ...attemptOf("SUCCEEDED"), startedAtMs: 3 }],
  }),
  "j: an attempt before its last one is recorded as SUCCEEDED": asLast({
    attempt: 2,
    attempts: [attemptOf("SUCCEEDED", 2), attemptOf("SUCCEEDED")],
  }),
  "j: it is SUCCEEDED, and its last attempt is recorded as FAILED": asLast({ attempts: [attemptOf("FAILED")] }),
  "j: it is CANCELLED, and its last attempt is recorded as SUCCEEDED": asLast({ state: "CANCELLED" }),
  "j: it succeeded without an attempt": asLast({ attempt: 0, attempts: [] }),
  "j: it has 0 failures, and 1 are in its record": asLast({
    attempt: 2,
    attempts: [attemptOf("SUCCEEDED", 2), attemptOf("LOST")],
  }),
  "a client refused to believe it": [...GOOD, { kind: "taken back", message: "a client refused to believe it" }],
  "INTERNAL: what": [...GOOD, { kind: "unexpected", message: "INTERNAL: what" }],
  "server ended by itself: 1": [...GOOD, { kind: "ended by itself", process: "server", said: "1" }],
};

for (const [sentence, events] of Object.entries(BROKEN)) {
  test(`finds: ${sentence}`, () => {
    const found = check(...events);
    assert.ok(found.includes(sentence), found.join("\n") || "nothing was found");
  });
}

test.run();
