import type { JobSnapshot } from "../../../src/client/jobs/job-snapshot.ts";
import { type ProgressReport, ProgressReports } from "../../../src/mcp/bridge/progress.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("mcp/bridge/progress");

function reports() {
  const clock = new FakeClock();
  const sent: ProgressReport[] = [];
  const progress = new ProgressReports({ clock, intervalMs: 5_000, send: (report) => sent.push(report) });
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second += 1) clock.advance(1_000);
  };
  const note = (completed: number, total: number, message = ""): void =>
    progress.note({ state: "RUNNING", progress: { completed, total, message } } as JobSnapshot);
  return { clock, sent, progress, pass, note };
}

test("without news there is a report every five seconds, each higher than the one before", () => {
  const { sent, pass } = reports();
  pass(4);
  assert.is(sent.length, 0);
  pass(16);
  assert.is(sent.length, 4);
  assert.ok(sent.every(({ progress }, index) => progress > (sent[index - 1]?.progress ?? 0) && progress < 1));
  assert.is(sent[0]?.message, "running, 5 s");
});

test("news are reported within a second, and are those of the job", () => {
  const { sent, pass, note } = reports();
  note(3, 10, "three");
  pass(1);
  assert.equal(sent, [{ progress: 3, total: 10, message: "three" }]);
  note(3, 10, "three");
  pass(3);
  assert.is(sent.length, 1);
});

test("a job that begins anew, or is at its total, does not let the progress fall", () => {
  const { sent, pass, note } = reports();
  for (const completed of [8, 0, 2, 10, 10]) {
    note(completed, 10);
    pass(5);
  }
  const values = sent.map(({ progress }) => progress);
  assert.ok(
    values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0)),
    values.join(),
  );
  for (const { progress, total } of sent) assert.ok(total === undefined || total >= progress);
});

test("nothing is reported after the end", () => {
  const { sent, pass, progress, clock } = reports();
  progress[Symbol.dispose]();
  pass(20);
  assert.is(sent.length, 0);
  assert.is(clock.timers, 0);
});

test.run();
