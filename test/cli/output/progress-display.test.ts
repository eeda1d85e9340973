import { ProgressDisplay } from "../../../src/cli/output/progress-display.ts";
import type { JobSnapshot } from "../../../src/client/jobs/job-snapshot.ts";
import { assert, suite } from "../../support/suite.ts";
import { RecordingTerminal } from "../cli-run.ts";

const test = suite("cli/output/progress-display");

class Screen extends RecordingTerminal {
  override readonly drawable = true;
}

function job(change: Partial<JobSnapshot>): JobSnapshot {
  const ids = { jobId: "j-1", tool: "t", requestId: "r", revision: 1, attempt: 1, maxAttempts: 3 };
  const times = {
    createdAtMs: 0,
    startedAtMs: undefined,
    endedAtMs: undefined,
    expiresAtMs: undefined,
    traceId: undefined,
  };
  return {
    ...ids,
    ...times,
    state: "RUNNING",
    progress: undefined,
    error: undefined,
    cancelRequested: false,
    ...change,
  };
}

const progress = (completed: number, total: number, message = "") => ({ completed, total, message });

test("on a terminal one line is drawn over and over, and wiped away at the end", () => {
  const screen = new Screen();
  {
    using bar = new ProgressDisplay(screen);
    bar.show(job({ progress: progress(0, 4) }));
    bar.show(job({ progress: progress(2, 4, "half") }));
  }
  const drawn = screen.stderr.split("\r");
  assert.match(drawn[2] ?? "", `${"█".repeat(12)}${"░".repeat(12)} RUNNING 50% half`);
  assert.is(drawn.at(-1), "\u001b[K");
  assert.not.match(screen.stderr, "\n");
});

test("a line never outgrows the terminal, nor does its text move the cursor", () => {
  const screen = new Screen();
  using bar = new ProgressDisplay(screen);
  bar.show(job({ progress: progress(9, 1, `\u001b[2J\r\n${"𝄞".repeat(200)}`) }));
  const [, line = ""] = screen.stderr.split("\r");
  assert.ok([...line.replace("\u001b[K", "")].length < screen.columns);
  assert.not.match(line.slice(0, -3), "\u001b");
});

test("elsewhere each state is a line, and progress alone at most one a second", () => {
  const terminal = new RecordingTerminal();
  using lines = new ProgressDisplay(terminal);
  lines.show(job({ state: "QUEUED" }));
  lines.show(job({ progress: progress(1, 4), attempt: 2 }));
  lines.show(job({ progress: progress(2, 4) }));
  lines.show(job({ state: "SUCCEEDED" }));
  assert.is(terminal.stderr, "j-1 QUEUED\nj-1 RUNNING (attempt 2 of 3) 25%\nj-1 SUCCEEDED\n");
});

test("an unknown total shows the count, and a cancel that is under way is said", () => {
  const terminal = new RecordingTerminal();
  using lines = new ProgressDisplay(terminal);
  lines.show(job({ progress: progress(7, 0, "rows"), cancelRequested: true }));
  assert.is(terminal.stderr, "j-1 RUNNING, cancel requested 7 rows\n");
});

test.run();
