import { suite as uvuSuite } from "uvu";
import * as assert from "uvu/assert";
import { usedCpuSeconds } from "./cpu-time.ts";
import { report } from "./report.ts";

export { assert };

/** The function of a test or a hook. It may be async. */
export type Body = () => unknown;

/** Registers tests of one suite; every suite ends with `test.run()`. */
export interface Suite {
  (name: string, body: Body): void;
  /** Registers a test and skips all tests that are not marked with `only`. Refused if CI is set. */
  only(name: string, body: Body): void;
  /** Skips a test and prints the reason. The body may be kept. */
  skip(name: string, reason: string, body?: Body): void;
  before: Hook;
  after: Hook;
  /** Queues the suite. The file fails if a suite was not queued. */
  run(): void;
}

/** Registers a hook around the whole suite, or with `each` around every test. */
export interface Hook {
  (body: Body): void;
  each(body: Body): void;
}

interface Progress {
  readonly name: string;
  readonly planned: Set<string>;
  readonly settled: Set<string>;
  readonly problems: string[];
  queued: boolean;
  finished: boolean;
}

const suites: Progress[] = [];
let started = false;

/**
 * Creates a uvu suite that also fails where uvu 0.5.6 does not: the process exits non-zero if a hook throws, a test
 * throws a value that is not an Error, `run()` is missing, no test ran, or the process ends before every test has
 * settled.
 */
export function suite(name: string): Suite {
  const inner = uvuSuite(name);
  const progress: Progress = {
    name,
    planned: new Set(),
    settled: new Set(),
    problems: [],
    queued: false,
    finished: false,
  };
  suites.push(progress);
  const tests: { name: string; body: Body; only: boolean }[] = [];
  const hooks = { before: [] as Body[], after: [] as Body[], beforeEach: [] as Body[], afterEach: [] as Body[] };

  const add = (test: string, body: Body, only: boolean): void => {
    if (progress.queued) throw new Error(`${name}: "${test}" is registered after run()`);
    if (tests.some((other) => other.name === test)) throw new Error(`${name}: two tests are named "${test}"`);
    if (typeof body !== "function") throw new Error(`${name}: "${test}" has no body`);
    if (only && process.env.CI) throw new Error(`${name}: "${test}" is marked only, which would hide other tests`);
    tests.push({ name: test, body, only });
  };

  const test = ((testName: string, body: Body) => add(testName, body, false)) as Suite;
  test.only = (testName, body) => add(testName, body, true);
  test.skip = (testName, reason) => {
    if (!reason) throw new Error(`${name}: "${testName}" is skipped without a reason`);
    inner.skip();
    progress.planned.add(testName);
    settle(progress, testName, () => report({ kind: "skipped", suite: name, test: testName, reason }));
    console.log(`skipped: ${name}: ${testName}: ${reason}`);
  };
  test.before = hook(hooks.before, hooks.beforeEach);
  test.after = hook(hooks.after, hooks.afterEach);
  test.run = () => {
    if (progress.queued) throw new Error(`${name}: run() was called twice`);
    if (started)
      throw new Error(`${name}: run() was called after tests had started; call it before any top-level await`);
    progress.queued = true;
    const chosen = tests.some((each) => each.only) ? tests.filter((each) => each.only) : tests;
    for (const each of tests) if (!chosen.includes(each)) test.skip(each.name, "another test is marked only");
    let broken: Error | undefined;
    inner.before(async () => {
      started = true;
      broken = await caught(hooks.before, "a before hook threw");
    });
    for (const each of chosen) {
      progress.planned.add(each.name);
      inner(each.name, async () => {
        report({ kind: "start", suite: name, test: each.name });
        const failure = broken ?? (await runOne(each.body, hooks));
        settle(progress, each.name, () =>
          report({ kind: failure ? "failed" : "passed", suite: name, test: each.name }),
        );
        if (failure) {
          progress.problems.push(`"${each.name}" failed`);
          throw failure;
        }
      });
    }
    inner.after(async () => {
      const failure = await caught(hooks.after, "an after hook threw");
      progress.finished = true;
      if (failure) {
        progress.problems.push(failure.stack ?? failure.message);
        report({ kind: "failed", suite: name, test: "after" });
      }
      if (suites.every((each) => each.finished)) watchForLeftovers();
    });
    inner.run();
  };
  return test;
}

/** The same suite with all tests skipped for one reason. Its hooks do not run. */
export function skipped(inner: Suite, reason: string): Suite {
  const skip = (test: string): void => inner.skip(test, reason);
  const unused: Hook = Object.assign(() => {}, { each: () => {} });
  return Object.assign(skip, { only: skip, skip: inner.skip, before: unused, after: unused, run: inner.run });
}

function hook(whole: Body[], each: Body[]): Hook {
  const register = ((body: Body) => void whole.push(body)) as Hook;
  register.each = (body) => void each.push(body);
  return register;
}

async function runOne(body: Body, hooks: { beforeEach: Body[]; afterEach: Body[] }): Promise<Error | undefined> {
  const failure = (await caught(hooks.beforeEach, "a before.each hook threw")) ?? (await caught([body]));
  const afterwards = await caught(hooks.afterEach, "an after.each hook threw");
  return failure ?? afterwards;
}

/** The thrown value as an Error that uvu can print: it takes a property `details` for the text of a difference. */
function printable(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(`thrown, but no Error: ${String(thrown)}`);
  if (!("details" in thrown) || typeof thrown.details === "string" || thrown.details === undefined) return thrown;
  return Object.assign(new Error(thrown.message, { cause: thrown }), { stack: thrown.stack });
}

/** Runs bodies in order. Returns the first thrown value, converted to an Error. */
async function caught(bodies: readonly Body[], context?: string): Promise<Error | undefined> {
  for (const body of bodies) {
    try {
      await body();
    } catch (thrown) {
      const error = printable(thrown);
      return context ? new Error(`${context}: ${error.message}`, { cause: error }) : error;
    }
  }
  return undefined;
}

function settle(progress: Progress, test: string, tell: () => void): void {
  if (progress.settled.has(test)) progress.problems.push(`"${test}" ran twice`);
  progress.settled.add(test);
  tell();
}

/** Fails the file if a resource keeps the process alive long after its last test. */
function watchForLeftovers(): void {
  setTimeout(() => {
    console.error(`still open 10 s after the last test: ${process.getActiveResourcesInfo().join(", ")}`);
    process.exit(1);
  }, 10_000).unref();
}

process.on("exit", () => {
  report({ kind: "ended", cpuSeconds: usedCpuSeconds() });
  const problems = suites.flatMap((each) => {
    if (!each.queued) return [`${each.name}: test.run() is missing`];
    const open = [...each.planned].filter((test) => !each.settled.has(test));
    if (each.planned.size === 0) return [`${each.name}: has no test`];
    return [...open.map((test) => `"${test}" never settled`), ...each.problems].map((text) => `${each.name}: ${text}`);
  });
  if (problems.length === 0) return;
  for (const problem of problems) console.error(problem);
  process.exitCode = 1;
});
